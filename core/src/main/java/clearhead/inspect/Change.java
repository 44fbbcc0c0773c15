package clearhead.inspect;

import clearhead.nn.Site;
import java.util.Locale;
import java.util.OptionalInt;

/// One change to a run. Its text is the same on the command line, in the API and in a link:
///
/// | text | what it does |
/// |---|---|
/// | `swap:4=1234` | token 4 is the token with the id 1234 |
/// | `block:3` | no later token sees position 3, in any layer |
/// | `cut:2.1:5>3` | in layer 2, head 1, query 5 no longer sees key 3; its other weights grow to a sum of 1 |
/// | `cut:2.1:5>3:keep` | the same, the other weights stay as they are |
/// | `cut:2.*:5>3`, `cut:*.*:5>3` | in every head of layer 2, in every head |
/// | `head:2.1=0` | what head 1 of layer 2 says is multiplied by 0 (any factor), before Wo |
/// | `head:2.1=mean` | it says at every token its mean over the unchanged run |
/// | `patch:resid_post.2:4<7` | what leaves layer 2 at token 4 is what it is at token 7 of another text |
/// | `patch:z.2.1:4<7` | the same for what one head says, before Wo |
public sealed interface Change {
    /// The change in the notation above.
    String text();

    /// What is changed, without how: two changes of one target contradict each other.
    String target();

    /// Token `position` is another one.
    record Swap(int position, int id) implements Change {
        @Override
        public String text() {
            return target() + "=" + id;
        }

        @Override
        public String target() {
            return "swap:" + position;
        }
    }

    /// No later token sees `position`, in any layer.
    record Block(int position) implements Change {
        @Override
        public String text() {
            return "block:" + position;
        }

        @Override
        public String target() {
            return text();
        }
    }

    /// A query does not see a key.
    ///
    /// @param layer absent means every layer
    /// @param head query head; absent means every head
    /// @param keep whether the row's other weights stay as they are; else they are divided by what is left
    record Cut(OptionalInt layer, OptionalInt head, int query, int key, boolean keep) implements Change {
        @Override
        public String text() {
            return target() + (keep ? ":keep" : "");
        }

        @Override
        public String target() {
            return "cut:" + star(layer) + "." + star(head) + ":" + query + ">" + key;
        }

        private static String star(OptionalInt index) {
            return index.isPresent() ? Integer.toString(index.getAsInt()) : "*";
        }
    }

    /// What a head says, its own slice of z before Wo, times a factor, at every token.
    ///
    /// @param factor 0 switches it off, 1 changes nothing
    record HeadScale(int layer, int head, double factor) implements Change {
        @Override
        public String text() {
            return target() + "=" + number(factor);
        }

        @Override
        public String target() {
            return "head:" + layer + "." + head;
        }
    }

    /// A head says at every token what it says on average over the positions of the unchanged run.
    record HeadMean(int layer, int head) implements Change {
        @Override
        public String text() {
            return target() + "=mean";
        }

        @Override
        public String target() {
            return "head:" + layer + "." + head;
        }
    }

    /// A value at one token is what it is at a token of another text.
    ///
    /// @param site RESID_PRE, Z, ATTN_OUT, RESID_MID, MLP_OUT or RESID_POST
    /// @param head at Z: one query head; absent means all
    /// @param position token of this text
    /// @param from token of the other text
    record Patch(Site site, int layer, OptionalInt head, int position, int from) implements Change {
        @Override
        public String text() {
            return target() + "<" + from;
        }

        @Override
        public String target() {
            return "patch:" + site.label() + "." + layer + (head.isPresent() ? "." + head.getAsInt() : "") + ":"
                    + position;
        }
    }

    private static String number(double factor) {
        return factor == Math.rint(factor) && Math.abs(factor) < 1e6
                ? String.format(Locale.ROOT, "%.0f", factor + 0.0)
                : Double.toString(factor);
    }
}
