package clearhead.tokenizer;

import clearhead.tokenizer.AddedTokens.Added;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.ArrayBlockingQueue;

/// Byte-level byte-pair encoding. Sennrich et al. 2016, arXiv:1508.07909; on bytes, Radford et al.
/// 2019 (GPT-2).
///
/// A split rule cuts the text into pieces. A piece that is a token becomes it; otherwise its bytes
/// merge pairwise, the lowest rank first and the leftmost of equals.
final class BpeTokenizer implements Tokenizer {

    private static final byte UNKNOWN = 0;
    private static final byte REACHED = 1;
    private static final byte MISSED = 2;

    private final String name;
    private final Vocabulary vocabulary;
    private final Merges merges;
    private final SplitRule rule;
    private final boolean whole;
    private final boolean spaceFirst;
    private final Optional<Normalizer.Form> form;
    private final AddedTokens added;
    private final Map<Integer, Added> addedById = new LinkedHashMap<>();
    private final Map<String, Integer> special = new LinkedHashMap<>();
    private final Ends ends;

    /// Whether the merges of a token's own bytes lead to it; found out when first needed. Threads may
    /// do that twice, with the same result.
    private final byte[] reached;

    private final ArrayBlockingQueue<Workspace> workspaces = new ArrayBlockingQueue<>(16);

    /// The tokens around a text. An id of −1 means that there is none.
    record Ends(int bos, int eos, boolean addBos, boolean addEos) {
        static final Ends NONE = new Ends(-1, -1, false, false);
    }

    /// How a text is taken apart before the merges.
    ///
    /// @param whole whether a piece that is a token is taken without asking the merges
    /// @param spaceFirst whether a text that does not begin with a space is given one
    /// @param form the Unicode normalisation before all else
    record Style(SplitRule rule, boolean whole, boolean spaceFirst, Optional<Normalizer.Form> form) {
        Style(SplitRule rule, boolean whole, boolean spaceFirst) {
            this(rule, whole, spaceFirst, Optional.empty());
        }
    }

    BpeTokenizer(String name, Vocabulary vocabulary, Merges merges, Style style, AddedTokens added, Ends ends) {
        this.name = name;
        this.vocabulary = vocabulary;
        this.merges = merges;
        this.rule = style.rule;
        this.whole = style.whole || merges.isByBytes();
        this.spaceFirst = style.spaceFirst;
        this.form = style.form;
        this.added = added;
        this.ends = ends;
        this.reached = new byte[vocabulary.size()];
        for (Added token : added.list()) {
            addedById.put(token.id(), token);
        }
        added.list().stream()
                .filter(Added::special)
                .sorted((a, b) -> Integer.compare(a.id(), b.id()))
                .forEach(token -> special.put(token.text(), token.id()));
    }

    /// The same with other tokens around the text.
    BpeTokenizer with(Ends ends) {
        return new BpeTokenizer(name, vocabulary, merges, style(), added, ends);
    }

    Merges merges() {
        return merges;
    }

    Vocabulary vocabulary() {
        return vocabulary;
    }

    Style style() {
        return new Style(rule, whole, spaceFirst, form);
    }

    AddedTokens added() {
        return added;
    }

    Ends ends() {
        return ends;
    }

    @Override
    public String name() {
        return name;
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
        run(work, utf8, special);
        int[] ids = Arrays.copyOf(work.ids, work.size);
        giveBack(work);
        return ids;
    }

    @Override
    public int count(String text) {
        Workspace work = workspace();
        run(work, Utf8.bytes(text), Special.TEXT);
        int count = work.size;
        giveBack(work);
        return count;
    }

    private Workspace workspace() {
        Workspace work = workspaces.poll();
        return work == null ? new Workspace(true) : work;
    }

    private void giveBack(Workspace work) {
        if (work.worthKeeping()) {
            workspaces.offer(work);
        }
    }

    /// The text in the vocabulary's normal form.
    byte[] normal(byte[] utf8) {
        if (form.isEmpty()) {
            return utf8;
        }
        String text = Utf8.text(utf8, 0, utf8.length);
        return Normalizer.isNormalized(text, form.get())
                ? utf8
                : Normalizer.normalize(text, form.get()).getBytes(StandardCharsets.UTF_8);
    }

    private void run(Workspace work, byte[] utf8, Special special) {
        work.size = 0;
        work.load(normal(utf8));
        int length = work.length;
        if (special.add() && ends.addBos) {
            work.add(ends.bos);
        }
        int at = 0;
        while (at < length) {
            AddedTokens.Match match = added.next(work.text, at, length, special.parse());
            int stop = match == null ? length : match.start();
            if (stop > at) {
                if (spaceFirst && work.text[at] != ' ') {
                    work.insertSpace(at, length);
                    length++;
                    stop++;
                }
                pieces(work, at, stop);
            }
            if (match == null) {
                break;
            }
            work.add(match.token().id());
            at = stop + match.end() - match.start();
        }
        if (special.add() && ends.addEos) {
            work.add(ends.eos);
        }
    }

    private void pieces(Workspace work, int from, int limit) {
        byte[] text = work.text;
        int at = from;
        while (at < limit) {
            int end = rule.end(text, at, limit);
            int id = vocabulary.find(text, at, end);
            if (id >= 0 && (whole || isReached(work, id, at, end))) {
                work.add(id);
            } else {
                work.addMerged(merges, at, end);
            }
            at = end;
        }
    }

    private boolean isReached(Workspace work, int id, int start, int end) {
        if (reached[id] == UNKNOWN) {
            int size = work.size;
            work.addMerged(merges, start, end);
            reached[id] = work.size == size + 1 && work.ids[size] == id ? REACHED : MISSED;
            work.size = size;
        }
        return reached[id] == REACHED;
    }

    @Override
    public byte[] tokenBytes(int id) {
        return vocabulary.bytes(checked(id));
    }

    private int checked(int id) {
        if (id < 0 || id >= vocabulary.size()) {
            throw new TokenizerException("token id " + id + " is not in [0, " + vocabulary.size() + ") of " + name);
        }
        return id;
    }

    @Override
    public String tokenName(int id) {
        Added token = addedById.get(checked(id));
        return token != null ? token.text() : ByteLevel.name(vocabulary.bytes(id));
    }

    @Override
    public OptionalInt id(String tokenName) {
        for (Added token : added.list()) {
            if (token.text().equals(tokenName)) {
                return OptionalInt.of(token.id());
            }
        }
        byte[] bytes = ByteLevel.bytes(tokenName);
        if (bytes == null) {
            return OptionalInt.empty();
        }
        int id = vocabulary.find(Arrays.copyOf(bytes, bytes.length + CharClass.PADDING), 0, bytes.length);
        return id < 0 ? OptionalInt.empty() : OptionalInt.of(id);
    }

    @Override
    public boolean isSpecial(int id) {
        Added token = addedById.get(checked(id));
        return token != null && token.special();
    }

    @Override
    public Map<String, Integer> specialTokens() {
        return Collections.unmodifiableMap(special);
    }

    @Override
    public OptionalInt bos() {
        return ends.bos < 0 ? OptionalInt.empty() : OptionalInt.of(ends.bos);
    }

    @Override
    public OptionalInt eos() {
        return ends.eos < 0 ? OptionalInt.empty() : OptionalInt.of(ends.eos);
    }

    @Override
    public byte[] decodeBytes(int... ids) {
        int length = 0;
        for (int id : ids) {
            length = Math.addExact(length, vocabulary.length(checked(id)));
        }
        var bytes = new byte[length];
        int at = 0;
        for (int id : ids) {
            vocabulary.copy(id, bytes, at);
            at += vocabulary.length(id);
        }
        return bytes;
    }

    @Override
    public String decode(int... ids) {
        byte[] bytes = decodeBytes(ids);
        return Utf8.text(bytes, 0, bytes.length);
    }

    @Override
    public StreamingDecoder decoder(boolean showSpecial, int... before) {
        var spelling = new StreamingDecoder.Spelling() {
            @Override
            public void append(int id, boolean first, boolean showSpecial, ByteArrayOutputStream out) {
                if (showSpecial || !isSpecial(id)) {
                    out.writeBytes(tokenBytes(id));
                }
            }

            @Override
            public boolean silent(int id) {
                return false;
            }
        };
        return new StreamingDecoder(spelling, showSpecial, before);
    }

    @Override
    public Explained explain(String text, Special special) {
        return new BpeExplainer(this, text).explain(special);
    }

    @Override
    public String toString() {
        return name;
    }
}
