package clearhead.inspect;

import clearhead.nn.Site;
import clearhead.nn.Transformer;
import clearhead.ops.AttentionSpec;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/// Reads one [Change] from its text and holds it against the model and the texts.
final class ChangeReader {
    /// Values that can be taken from another text.
    static final List<Site> PATCHES =
            List.of(Site.RESID_PRE, Site.Z, Site.ATTN_OUT, Site.RESID_MID, Site.MLP_OUT, Site.RESID_POST);

    /// Largest factor on a head: beyond it float32 is soon at its end.
    private static final double LARGEST = 1000;

    private static final int LONGEST = 80;
    private static final Pattern SWAP = Pattern.compile("swap:(\\d{1,9})=(\\d{1,9})");
    private static final Pattern BLOCK = Pattern.compile("block:(\\d{1,9})");
    private static final Pattern CUT =
            Pattern.compile("cut:(\\d{1,9}|\\*)\\.(\\d{1,9}|\\*):(\\d{1,9})>(\\d{1,9})(:keep)?");
    private static final Pattern HEAD = Pattern.compile("head:(\\d{1,9})\\.(\\d{1,9})=(\\S{1,40})");
    private static final Pattern PATCH =
            Pattern.compile("patch:([a-z_]+)\\.(\\d{1,9})(?:\\.(\\d{1,9}))?:(\\d{1,9})<(\\d{1,9})");

    private final Transformer model;
    private final int tokens;
    private final int otherTokens;
    private final String text;

    /// @param tokens length of the text
    /// @param otherTokens length of the other text; 0 where there is none
    ChangeReader(String text, Transformer model, int tokens, int otherTokens) {
        this.text = text.strip();
        this.model = model;
        this.tokens = tokens;
        this.otherTokens = otherTokens;
    }

    Change read() {
        int colon = text.indexOf(':');
        return switch (colon < 0 ? text : text.substring(0, colon)) {
            case "swap" -> swap(matched(SWAP, "swap:POSITION=ID, such as swap:4=1234"));
            case "block" -> block(matched(BLOCK, "block:POSITION, such as block:3"));
            case "cut" ->
                cut(matched(CUT, "cut:LAYER.HEAD:QUERY>KEY, such as cut:2.1:5>3, cut:*.*:5>3 or cut:2.1:5>3:keep"));
            case "head" ->
                head(matched(HEAD, "head:LAYER.HEAD=FACTOR, such as head:2.1=0, head:2.1=0.5 or head:2.1=mean"));
            case "patch" ->
                patch(matched(
                        PATCH,
                        "patch:SITE.LAYER:POSITION<POSITION OF THE OTHER TEXT, such as"
                                + " patch:resid_post.2:4<4 or, for one head, patch:z.2.1:4<4"));
            default -> throw bad("begins with none of swap:, block:, cut:, head:, patch:");
        };
    }

    private Change swap(Matcher m) {
        return new Change.Swap(position(m.group(1)), within("id", m.group(2), model.vocab(), "the vocabulary has"));
    }

    private Change block(Matcher m) {
        return new Change.Block(position(m.group(1)));
    }

    private Change cut(Matcher m) {
        OptionalInt layer = star(m.group(1)) ? OptionalInt.empty() : OptionalInt.of(layer(m.group(1)));
        OptionalInt head = star(m.group(2)) ? OptionalInt.empty() : OptionalInt.of(head(layer.orElse(0), m.group(2)));
        int query = position(m.group(3));
        int key = position(m.group(4));
        if (!spec(layer.orElse(0)).mask().sees(0, head.orElse(0), query, query, key)) {
            throw bad("cuts what is not there: query " + query + " does not see key " + key
                    + ", which comes after it; name an earlier key");
        }
        return new Change.Cut(layer, head, query, key, m.group(5) != null);
    }

    private Change head(Matcher m) {
        int layer = layer(m.group(1));
        int head = head(layer, m.group(2));
        if (m.group(3).equals("mean")) {
            return new Change.HeadMean(layer, head);
        }
        double factor;
        try {
            factor = Double.parseDouble(m.group(3));
        } catch (NumberFormatException e) {
            factor = Double.NaN;
        }
        if (!(Math.abs(factor) <= LARGEST)) {
            throw bad("wants a factor from -1000 to 1000 or the word mean, found " + m.group(3));
        }
        return new Change.HeadScale(layer, head, factor + 0.0);
    }

    private Change patch(Matcher m) {
        Optional<Site> site =
                PATCHES.stream().filter(s -> s.label().equals(m.group(1))).findFirst();
        if (site.isEmpty()) {
            throw bad("takes no value " + m.group(1) + "; there are "
                    + PATCHES.stream().map(Site::label).collect(Collectors.joining(", ")));
        }
        int layer = layer(m.group(2));
        OptionalInt head = m.group(3) == null ? OptionalInt.empty() : OptionalInt.of(head(layer, m.group(3)));
        if (head.isPresent() && site.get() != Site.Z) {
            throw bad("names a head, and only z has heads; write patch:z." + layer + "." + head.getAsInt() + ":…, or"
                    + " leave the head out");
        }
        int position = position(m.group(4));
        if (otherTokens == 0) {
            throw bad("takes a value from another text, and there is none; give the other text (`other`, --from)");
        }
        int from = within("position", m.group(5), otherTokens, "the other text has");
        return new Change.Patch(site.get(), layer, head, position, from);
    }

    private static boolean star(String index) {
        return index.equals("*");
    }

    private int layer(String index) {
        return within("layer", index, model.layers(), "the model has");
    }

    private int head(int layer, String index) {
        return within("head", index, spec(layer).heads(), "the layer has");
    }

    private int position(String index) {
        return within("position", index, tokens, "the text has");
    }

    private AttentionSpec spec(int layer) {
        return model.attention(layer).spec();
    }

    private int within(String what, String index, int count, String whose) {
        int i = Integer.parseInt(index);
        if (i >= count) {
            throw bad("has " + what + " " + i + ", which is out of range: " + whose + " " + count + ", numbered 0 to "
                    + (count - 1));
        }
        return i;
    }

    private Matcher matched(Pattern pattern, String wanted) {
        Matcher m = pattern.matcher(text);
        if (!m.matches()) {
            throw bad("is not understood; write " + wanted);
        }
        return m;
    }

    private IllegalArgumentException bad(String why) {
        String shown = text.length() <= LONGEST ? text : text.substring(0, LONGEST) + "…";
        return new IllegalArgumentException("the change \"" + shown + "\" " + why);
    }
}
