package clearhead.tokenizer;

import clearhead.tokenizer.AddedTokens.Added;
import clearhead.tokenizer.Explained.Kind;
import clearhead.tokenizer.Explained.Piece;
import clearhead.tokenizer.Explained.Token;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.ArrayBlockingQueue;

/// SentencePiece: characters merge by the scores of the pieces they make (or the best path by score
/// is taken), spaces are part of the text as `▁`, and a character without a piece becomes its bytes
/// or the unknown token.
final class SentencePieceTokenizer implements Tokenizer {

    private final SentencePieceSpec spec;
    private final Vocabulary vocabulary;
    private final Merges merges;
    private final Unigram unigram;
    private final int unknown;
    private final int[] byteIds;
    /// Found in the text before it is normalised.
    private final AddedTokens named;

    /// Left alone by the normalisation, and cut out after it.
    private final AddedTokens userDefined;

    private final Map<String, Integer> special = new LinkedHashMap<>();
    private final Map<String, Integer> ids = new HashMap<>();

    /// Whether no merge reaches from a word over the space to the next one, so that words are merged
    /// one by one: no piece has `▁` after anything else.
    private final boolean byWord;

    private final byte[] reached;
    private final ArrayBlockingQueue<Workspace> workspaces = new ArrayBlockingQueue<>(16);

    SentencePieceTokenizer(SentencePieceSpec spec) {
        this.spec = spec;
        String[] pieces = spec.pieces();
        int[] types = spec.types();
        var builder = new Vocabulary.Builder(pieces.length);
        var fromText = new ArrayList<Added>();
        var always = new ArrayList<Added>();
        int firstUnknown = -1;
        boolean words = true;
        for (int id = 0; id < pieces.length; id++) {
            String piece = pieces[id];
            int type = types[id];
            ids.putIfAbsent(piece, id);
            boolean found = type == 1 || type == GgufVocabulary.USER_DEFINED;
            builder.add(piece.getBytes(StandardCharsets.UTF_8), found);
            if (type == GgufVocabulary.UNKNOWN && firstUnknown < 0) {
                firstUnknown = id;
            }
            if (type == GgufVocabulary.CONTROL || type == GgufVocabulary.UNKNOWN) {
                special.put(piece, id);
                fromText.add(new Added(id, piece, true, false, false));
            } else if (type == GgufVocabulary.USER_DEFINED) {
                (spec.byFragment() ? fromText : always).add(new Added(id, piece, false, false, false));
            }
            words &= !found || !reachesOverSpace(piece);
        }
        unknown = firstUnknown;
        vocabulary = builder.build();
        byteIds = spec.byteIds();
        boolean complete = Arrays.stream(byteIds).allMatch(id -> id >= 0);
        if (unknown < 0 && !complete) {
            throw new TokenizerException(
                    spec.name() + ": wanted an unknown token or all 256 bytes as tokens, found neither");
        }
        merges = Merges.byScores(vocabulary, spec.ranks(), byteIds, unknown);
        unigram = Unigram.of(vocabulary, spec.scores(), types);
        named = new AddedTokens(fromText);
        userDefined = new AddedTokens(always);
        byWord = words && complete && !spec.unigram();
        reached = new byte[pieces.length];
    }

    private static boolean reachesOverSpace(String piece) {
        int first = 0;
        while (first < piece.length() && piece.charAt(first) == '▁') {
            first++;
        }
        return piece.indexOf('▁', first) >= 0;
    }

    @Override
    public String name() {
        return spec.name();
    }

    @Override
    public int size() {
        return vocabulary.size();
    }

    @Override
    public int[] encode(String text, Special special) {
        return encode(Utf8.bytes(text), special);
    }

    @Override
    public int[] encode(byte[] utf8, Special special) {
        Workspace work = workspace();
        int[] ids = run(work, utf8, special);
        giveBack(work);
        return ids;
    }

    @Override
    public int count(String text) {
        return encode(text).length;
    }

    private Workspace workspace() {
        Workspace work = workspaces.poll();
        return work == null ? new Workspace(byWord) : work;
    }

    private void giveBack(Workspace work) {
        if (work.worthKeeping()) {
            workspaces.offer(work);
        }
    }

    private int[] run(Workspace work, byte[] utf8, Special special) {
        work.size = 0;
        BpeTokenizer.Ends ends = spec.ends();
        if (special.add() && ends.addBos()) {
            work.add(ends.bos());
        }
        int at = 0;
        while (at < utf8.length) {
            AddedTokens.Match match = named.next(utf8, at, utf8.length, special.parse());
            int stop = match == null ? utf8.length : match.start();
            if (stop > at) {
                var normal = spec.normalizer().run(utf8, at, stop, userDefined, false);
                work.take(normal.bytes, normal.length);
                pieces(work);
            }
            if (match == null) {
                break;
            }
            work.add(match.token().id());
            at = match.end();
        }
        if (special.add() && ends.addEos()) {
            work.add(ends.eos());
        }
        return Arrays.copyOf(work.ids, work.size);
    }

    private void pieces(Workspace work) {
        if (spec.unigram()) {
            int[] path = unigram.cut(work.text, 0, work.length);
            for (int i = 0; i < path.length; i += 3) {
                if (path[i + 2] >= 0) {
                    work.add(path[i + 2]);
                } else {
                    merges.addUnknown(work, path[i], path[i + 1]);
                }
            }
            return;
        }
        int at = 0;
        while (at < work.length) {
            AddedTokens.Match match = userDefined.next(work.text, at, work.length, false);
            int stop = match == null ? work.length : match.start();
            while (at < stop) {
                int end = wordEnd(work.text, at, stop);
                int id = vocabulary.find(work.text, at, end);
                if (id >= 0 && isReached(work, id, at, end)) {
                    work.add(id);
                } else {
                    work.addMerged(merges, at, end);
                }
                at = end;
            }
            if (match != null) {
                work.add(match.token().id());
                at = match.end();
            }
        }
    }

    /// The end of the word at `at`, with the spaces before it; of the whole text where merges reach
    /// over words.
    private int wordEnd(byte[] text, int at, int limit) {
        if (!byWord) {
            return limit;
        }
        int end = at;
        while (end < limit && isSpace(text, end)) {
            end += 3;
        }
        while (end < limit && !isSpace(text, end)) {
            end++;
        }
        return Math.min(end, limit);
    }

    private static boolean isSpace(byte[] text, int at) {
        return text[at] == (byte) 0xE2 && text[at + 1] == (byte) 0x96 && text[at + 2] == (byte) 0x81;
    }

    private boolean isReached(Workspace work, int id, int start, int end) {
        if (reached[id] == 0) {
            int size = work.size;
            work.addMerged(merges, start, end);
            reached[id] = (byte) (work.size == size + 1 && work.ids[size] == id ? 1 : 2);
            work.size = size;
        }
        return reached[id] == 1;
    }

    private int checked(int id) {
        if (id < 0 || id >= vocabulary.size()) {
            throw new TokenizerException(
                    "token id " + id + " is not in [0, " + vocabulary.size() + ") of " + spec.name());
        }
        return id;
    }

    @Override
    public byte[] tokenBytes(int id) {
        String piece = spec.pieces()[checked(id)];
        return switch (spec.types()[id]) {
            case GgufVocabulary.BYTE -> new byte[] {(byte) SentencePieceSpec.byteOf(piece)};
            case GgufVocabulary.UNKNOWN -> spec.unknownText().getBytes(StandardCharsets.UTF_8);
            case GgufVocabulary.CONTROL -> piece.getBytes(StandardCharsets.UTF_8);
            default -> piece.replace(SentencePieceSpec.SPACE, " ").getBytes(StandardCharsets.UTF_8);
        };
    }

    @Override
    public String tokenName(int id) {
        return spec.pieces()[checked(id)];
    }

    @Override
    public OptionalInt id(String tokenName) {
        Integer id = ids.get(tokenName);
        return id == null ? OptionalInt.empty() : OptionalInt.of(id);
    }

    @Override
    public boolean isSpecial(int id) {
        int type = spec.types()[checked(id)];
        return type == GgufVocabulary.CONTROL || type == GgufVocabulary.UNKNOWN;
    }

    @Override
    public Map<String, Integer> specialTokens() {
        return Collections.unmodifiableMap(special);
    }

    @Override
    public OptionalInt bos() {
        int bos = spec.ends().bos();
        return bos < 0 ? OptionalInt.empty() : OptionalInt.of(bos);
    }

    @Override
    public OptionalInt eos() {
        int eos = spec.ends().eos();
        return eos < 0 ? OptionalInt.empty() : OptionalInt.of(eos);
    }

    /// Control tokens have no text of their own; the first space of a text is not part of it.
    private final StreamingDecoder.Spelling spelling = new StreamingDecoder.Spelling() {
        @Override
        public void append(int id, boolean first, boolean showSpecial, ByteArrayOutputStream out) {
            byte[] bytes = tokenBytes(id);
            int type = spec.types()[id];
            if (type == GgufVocabulary.CONTROL && !showSpecial) {
                return;
            }
            boolean ordinary = type == 1 || type == GgufVocabulary.USER_DEFINED;
            boolean drop =
                    first && ordinary && spec.normalizer().dropsFirstSpace() && bytes.length > 0 && bytes[0] == ' ';
            out.write(bytes, drop ? 1 : 0, bytes.length - (drop ? 1 : 0));
        }

        @Override
        public boolean silent(int id) {
            int type = spec.types()[checked(id)];
            return type == GgufVocabulary.CONTROL
                    || spec.normalizer().stripsSpaces() && spec.pieces()[id].equals(SentencePieceSpec.SPACE);
        }

        @Override
        public boolean everyByte() {
            return true;
        }
    };

    @Override
    public byte[] decodeBytes(int... ids) {
        var out = new ByteArrayOutputStream();
        boolean first = true;
        for (int id : ids) {
            spelling.append(checked(id), first, true, out);
            first &= spelling.silent(id);
        }
        return out.toByteArray();
    }

    @Override
    public String decode(int... ids) {
        byte[] bytes = decodeBytes(ids);
        return Utf8.text(bytes, 0, bytes.length, true);
    }

    @Override
    public StreamingDecoder decoder(boolean showSpecial, int... before) {
        return new StreamingDecoder(spelling, showSpecial, before);
    }

    @Override
    public Explained explain(String text, Special special) {
        byte[] utf8 = Utf8.bytes(text);
        var spans = new Spans(utf8);
        var work = new Workspace(false);
        var pieces = new ArrayList<Piece>();
        BpeTokenizer.Ends ends = spec.ends();
        if (special.add() && ends.addBos()) {
            pieces.add(spans.single(this, Kind.ADDED, ends.bos(), 0, 0));
        }
        int at = 0;
        while (at < utf8.length) {
            AddedTokens.Match match = named.next(utf8, at, utf8.length, special.parse());
            int stop = match == null ? utf8.length : match.start();
            if (stop > at) {
                explain(spec.normalizer().run(utf8, at, stop, userDefined, true), spans, work, pieces);
            }
            if (match == null) {
                break;
            }
            pieces.add(spans.single(this, Kind.NAMED, match.token().id(), stop, match.end()));
            at = match.end();
        }
        if (special.add() && ends.addEos()) {
            pieces.add(spans.single(this, Kind.ADDED, ends.eos(), utf8.length, utf8.length));
        }
        return new Explained(text, List.copyOf(pieces));
    }

    private void explain(SentencePieceNormalizer.Result normal, Spans spans, Workspace work, List<Piece> pieces) {
        work.take(normal.bytes, normal.length);
        int[] origin = normal.origin == null ? new int[0] : normal.origin;
        PieceLog.Places places = at -> origin[at];
        if (spec.unigram()) {
            pieces.add(unigramPiece(spans, work, places));
            return;
        }
        int at = 0;
        while (at < work.length) {
            AddedTokens.Match match = userDefined.next(work.text, at, work.length, false);
            int stop = match == null ? work.length : match.start();
            while (at < stop) {
                int end = wordEnd(work.text, at, stop);
                pieces.add(PieceLog.of(merges, work, at, end).piece(this, spans, places, -1));
                at = end;
            }
            if (match != null) {
                int id = match.token().id();
                pieces.add(spans.single(this, Kind.NAMED, id, places.of(match.start()), places.of(match.end())));
                at = match.end();
            }
        }
    }

    private Piece unigramPiece(Spans spans, Workspace work, PieceLog.Places places) {
        var tokens = new ArrayList<Token>();
        int[] path = unigram.cut(work.text, 0, work.length);
        work.size = 0;
        for (int i = 0; i < path.length; i += 3) {
            int first = work.size;
            if (path[i + 2] >= 0) {
                work.add(path[i + 2]);
            } else {
                merges.addUnknown(work, path[i], path[i + 1]);
            }
            int start = places.of(path[i]);
            int end = places.of(path[i + 1]);
            for (int j = first; j < work.size; j++) {
                int id = work.ids[j];
                tokens.add(spans.token(this, id, tokenBytes(id), start, end));
            }
        }
        int start = places.of(0);
        int end = places.of(work.length);
        return new Piece(
                Kind.TEXT,
                start,
                end,
                spans.charStart(start),
                spans.charEnd(start, end),
                Arrays.copyOf(work.text, work.length),
                List.of(),
                List.of(),
                false,
                List.copyOf(tokens));
    }

    @Override
    public String toString() {
        return spec.name();
    }
}
