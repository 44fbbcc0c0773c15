package clearhead.tokenizer;

import clearhead.tokenizer.Explained.Kind;
import clearhead.tokenizer.Explained.Merge;
import clearhead.tokenizer.Explained.Piece;
import clearhead.tokenizer.Explained.Token;
import clearhead.tokenizer.NamedTokens.Named;
import clearhead.tokenizer.NamedTokens.Stretch;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;

/// Any tokenizer that is put together from parts: normalizer, pre-tokenizer, model, tokens around the
/// text, decoder. What Hugging Face's library does with the same parts. The byte-level ones in wide
/// use have a faster way of their own, [BpeTokenizer].
final class PipelineTokenizer implements Tokenizer {

    /// @param names by id; null where an id is unused
    /// @param before ids put before a text on demand
    /// @param byteLevel whether tokens write bytes as GPT-2's letters
    /// @param bytes whether tokens like `<0x0A>` stand for bytes
    record Parts(
            String name,
            @Nullable String[] names,
            TextNormalizer normalizer,
            Optional<PreTokenizer> preTokenizer,
            TokenModel model,
            List<Named> added,
            int[] before,
            int[] after,
            TokenDecoder decoder,
            boolean byteLevel,
            boolean bytes,
            OptionalInt bos,
            OptionalInt eos) {

        @Override
        public boolean equals(@Nullable Object other) {
            return this == other;
        }

        @Override
        public int hashCode() {
            return System.identityHashCode(this);
        }

        @Override
        public String toString() {
            return name;
        }
    }

    private final Parts parts;
    private final NamedTokens early;
    private final NamedTokens late;
    private final Map<Integer, Named> named = new HashMap<>();
    private final Map<String, Integer> special = new LinkedHashMap<>();
    private final Map<String, Integer> ids = new HashMap<>();

    PipelineTokenizer(Parts parts) {
        this.parts = parts;
        early = new NamedTokens(
                parts.added.stream().filter(t -> !t.normalized()).toList(), parts.normalizer);
        late = new NamedTokens(parts.added.stream().filter(Named::normalized).toList(), parts.normalizer);
        for (int id = 0; id < parts.names.length; id++) {
            String name = parts.names[id];
            if (name != null) {
                ids.put(name, id);
            }
        }
        for (Named token : parts.added) {
            named.put(token.id(), token);
            ids.put(token.text(), token.id());
        }
        parts.added.stream()
                .filter(Named::special)
                .sorted((a, b) -> Integer.compare(a.id(), b.id()))
                .forEach(token -> special.put(token.text(), token.id()));
    }

    /// Is told of the pieces of a text in order.
    private interface Listener {
        void named(Named token, Chars text);

        void piece(Chars text);
    }

    private void run(byte[] utf8, Special special, Listener listener) {
        for (Stretch outer : early.cut(Chars.of(utf8), special.parse())) {
            Named known = outer.token();
            if (known != null) {
                listener.named(known, outer.text());
                continue;
            }
            for (Stretch inner : late.cut(parts.normalizer.apply(outer.text()), special.parse())) {
                Named token = inner.token();
                if (token != null) {
                    listener.named(token, inner.text());
                    continue;
                }
                List<Chars> pieces = parts.preTokenizer.isEmpty()
                        ? List.of(inner.text())
                        : parts.preTokenizer.get().cut(inner.text());
                for (Chars piece : pieces) {
                    if (!piece.isEmpty()) {
                        listener.piece(piece);
                    }
                }
            }
        }
    }

    /// Ids in a list that grows.
    private final class Ids implements Listener, TokenModel.Sink {
        private int[] ids = new int[64];
        private int size;

        void add(int id) {
            if (size == ids.length) {
                ids = Arrays.copyOf(ids, 2 * size);
            }
            ids[size++] = id;
        }

        @Override
        public void named(Named token, Chars text) {
            add(token.id());
        }

        @Override
        public void piece(Chars text) {
            parts.model.tokenize(text, this);
        }

        @Override
        public void token(int id, int start, int end) {
            add(id);
        }
    }

    @Override
    public String name() {
        return parts.name;
    }

    @Override
    public int size() {
        return parts.names.length;
    }

    @Override
    public int[] encode(String text, Special special) {
        return encode(Utf8.bytes(text), special);
    }

    @Override
    public int[] encode(byte[] utf8, Special special) {
        var out = new Ids();
        if (special.add()) {
            Arrays.stream(parts.before).forEach(out::add);
        }
        run(utf8, special, out);
        if (special.add()) {
            Arrays.stream(parts.after).forEach(out::add);
        }
        return Arrays.copyOf(out.ids, out.size);
    }

    @Override
    public int count(String text) {
        return encode(text).length;
    }

    private String checkedName(int id) {
        if (id < 0 || id >= parts.names.length) {
            throw new TokenizerException(
                    "token id " + id + " is not in [0, " + parts.names.length + ") of " + parts.name);
        }
        String name = parts.names[id];
        return name == null ? "" : name;
    }

    /// What a token adds to a text, taken by itself.
    ///
    /// @param first whether no other token is before it
    private byte[] spelled(int id, boolean first) {
        String name = checkedName(id);
        if (named.containsKey(id) && (special.containsKey(name) || parts.byteLevel)) {
            return name.getBytes(StandardCharsets.UTF_8);
        }
        int b = parts.bytes ? SentencePieceSpec.byteOf(name) : -1;
        if (b >= 0) {
            return new byte[] {(byte) b};
        }
        if (parts.byteLevel) {
            return ByteLevel.bytesOrText(name);
        }
        // With a letter before it where it isn't the first.
        String text = String.join("", parts.decoder.apply(first ? List.of(name) : List.of("a", name)));
        return text.substring(first || text.isEmpty() ? 0 : 1).getBytes(StandardCharsets.UTF_8);
    }

    @Override
    public byte[] tokenBytes(int id) {
        return spelled(id, false);
    }

    @Override
    public String tokenName(int id) {
        return checkedName(id);
    }

    @Override
    public OptionalInt id(String tokenName) {
        Integer id = ids.get(tokenName);
        return id == null ? OptionalInt.empty() : OptionalInt.of(id);
    }

    @Override
    public boolean isSpecial(int id) {
        checkedName(id);
        Named token = named.get(id);
        return token != null && token.special();
    }

    @Override
    public Map<String, Integer> specialTokens() {
        return Collections.unmodifiableMap(special);
    }

    @Override
    public OptionalInt bos() {
        return parts.bos;
    }

    @Override
    public OptionalInt eos() {
        return parts.eos;
    }

    @Override
    public byte[] decodeBytes(int... ids) {
        var out = new ByteArrayOutputStream();
        for (int i = 0; i < ids.length; i++) {
            out.writeBytes(spelled(ids[i], i == 0));
        }
        return out.toByteArray();
    }

    @Override
    public String decode(int... ids) {
        var names = new ArrayList<String>(ids.length);
        for (int id : ids) {
            names.add(checkedName(id));
        }
        return String.join("", parts.decoder.apply(names));
    }

    @Override
    public StreamingDecoder decoder(boolean showSpecial, int... before) {
        var spelling = new StreamingDecoder.Spelling() {
            @Override
            public void append(int id, boolean first, boolean show, ByteArrayOutputStream out) {
                if (show || !isSpecial(id)) {
                    out.writeBytes(spelled(id, first));
                }
            }

            @Override
            public boolean silent(int id) {
                return isSpecial(id);
            }

            @Override
            public boolean everyByte() {
                return parts.bytes;
            }
        };
        return new StreamingDecoder(spelling, showSpecial, before);
    }

    @Override
    public Explained explain(String text, Special special) {
        byte[] utf8 = Utf8.bytes(text);
        var spans = new Spans(utf8);
        var pieces = new ArrayList<Piece>();
        if (special.add()) {
            for (int id : parts.before) {
                pieces.add(spans.single(this, Kind.ADDED, id, 0, 0));
            }
        }
        run(utf8, special, new Listener() {
            @Override
            public void named(Named token, Chars at) {
                pieces.add(spans.single(
                        PipelineTokenizer.this, Kind.NAMED, token.id(), at.start(0), at.end(at.size() - 1)));
            }

            @Override
            public void piece(Chars piece) {
                var log = new Log(piece, spans);
                parts.model.tokenize(piece, log);
                pieces.add(log.piece());
            }
        });
        if (special.add()) {
            for (int id : parts.after) {
                pieces.add(spans.single(this, Kind.ADDED, id, utf8.length, utf8.length));
            }
        }
        return new Explained(text, List.copyOf(pieces));
    }

    /// Writes down what happens in one piece.
    private final class Log implements TokenModel.Sink {
        private final Chars piece;
        private final Spans spans;
        private final List<Token> tokens = new ArrayList<>();
        private final List<byte[]> symbols = new ArrayList<>();
        private final List<Integer> starts = new ArrayList<>();
        private final List<Merge> merges = new ArrayList<>();

        Log(Chars piece, Spans spans) {
            this.piece = piece;
            this.spans = spans;
        }

        private byte[] bytes(int start, int end) {
            String text = piece.text(start, end);
            return parts.byteLevel ? ByteLevel.bytesOrText(text) : text.getBytes(StandardCharsets.UTF_8);
        }

        @Override
        public void symbol(int start, int end) {
            symbols.add(bytes(start, end));
            starts.add(start);
        }

        @Override
        public void merged(int start, int middle, int end, int rank, int id) {
            int at = Collections.binarySearch(starts, start);
            starts.remove(at + 1);
            merges.add(new Merge(at, bytes(start, middle), bytes(middle, end), rank, id));
        }

        @Override
        public void token(int id, int start, int end) {
            tokens.add(spans.token(PipelineTokenizer.this, id, tokenBytes(id), from(start), to(end)));
        }

        private int from(int i) {
            return piece.start(i);
        }

        private int to(int end) {
            return piece.end(end - 1);
        }

        Piece piece() {
            int start = from(0);
            int end = to(piece.size());
            return new Piece(
                    Kind.TEXT,
                    start,
                    end,
                    spans.charStart(start),
                    spans.charEnd(start, end),
                    bytes(0, piece.size()),
                    List.copyOf(symbols),
                    List.copyOf(merges),
                    false,
                    List.copyOf(tokens));
        }
    }

    @Override
    public String toString() {
        return parts.name;
    }
}
