package clearhead.generate;

import clearhead.model.Model;
import clearhead.nn.Encoder;
import clearhead.nn.EncoderDecoder;
import clearhead.nn.ForwardPass;
import clearhead.nn.Transformer;
import clearhead.ops.Ops;
import clearhead.ops.Sequences;
import clearhead.tensor.Tensor;
import clearhead.tensor.Workspace;
import clearhead.tokenizer.Special;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Turns texts into vectors, so that texts which mean the same are near each other: the vectors of the tokens
/// that leave a model's last layer, pooled. Reimers & Gurevych 2019, arXiv:1908.10084.
///
/// ```java
/// try (var backend = Backends.choose(); var model = Model.load("all-MiniLM-L6-v2", backend)) {
///     List<float[]> vectors = new Embedder(model).embed(List.of("A cat sits.", "A feline rests."));
///     double near = Embedder.cosine(vectors.get(0), vectors.get(1));
/// }
/// ```
///
/// Several texts are packed behind one another, without padding; each gets the same bits as alone. Safe to use
/// from several threads.
public final class Embedder {
    /// Tokens of one pass, unless one text alone has more.
    private static final int PACKED = 2048;

    private final Model model;
    private final EmbeddingRules rules;
    private final boolean truncates;

    /// As the model's files say, see [EmbeddingRules#of(Model)]. A text that is too long is refused.
    public Embedder(Model model) {
        this(model, EmbeddingRules.of(model), false);
    }

    /// @param truncates whether a text that is too long is cut, and not refused
    public Embedder(Model model, EmbeddingRules rules, boolean truncates) {
        this.model = model;
        this.rules = rules;
        this.truncates = truncates;
    }

    public EmbeddingRules rules() {
        return rules;
    }

    /// The ids that a text is read as, the model's special tokens added.
    ///
    /// @throws IllegalArgumentException if the text is too long, or gives no token
    public int[] ids(String text) {
        int[] ids = model.tokenizer().encode(text, Special.ADD);
        int most = rules.maxTokens();
        if (ids.length <= most) {
            return ids;
        }
        if (!truncates) {
            throw new IllegalArgumentException("the text \"" + start(text) + "\" has " + ids.length + " tokens, model "
                    + model.name() + " takes " + most + "; cut it into pieces, or truncate it");
        }
        return truncated(ids, model.tokenizer().encode(text), most);
    }

    /// The first tokens, and those that the model wants behind a text.
    private static int[] truncated(int[] ids, int[] plain, int most) {
        int front = Math.max(0, indexOf(ids, plain));
        int behind = Math.max(0, ids.length - front - plain.length);
        if (front + behind >= most) {
            return Arrays.copyOf(ids, most);
        }
        int[] cut = Arrays.copyOf(ids, most);
        System.arraycopy(ids, ids.length - behind, cut, most - behind, behind);
        return cut;
    }

    /// How many tokens were put in front of the text's own.
    private static int indexOf(int[] ids, int[] plain) {
        for (int at = 0; at + plain.length <= ids.length; at++) {
            if (Arrays.equals(ids, at, at + plain.length, plain, 0, plain.length)) {
                return at;
            }
        }
        return -1;
    }

    private static String start(String text) {
        return text.length() <= 40 ? text : text.substring(0, text.offsetByCodePoints(0, 20)) + "…";
    }

    /// @return [dim]
    public float[] embed(String text) {
        return embed(List.of(text)).getFirst();
    }

    /// @return a vector [dim] for each text
    public List<float[]> embed(List<String> texts) {
        return embedIds(texts.stream().map(this::ids).toList());
    }

    /// The same for tokens; nothing is added to them.
    public List<float[]> embedIds(List<int[]> texts) {
        for (int i = 0; i < texts.size(); i++) {
            int length = texts.get(i).length;
            if (length == 0 || length > model.context()) {
                throw new IllegalArgumentException("text " + i + " has " + length + " tokens; model " + model.name()
                        + " takes 1 to " + model.context());
            }
        }
        var vectors = new ArrayList<float[]>();
        try (var workspace = new Workspace()) {
            Ops ops = model.backend().ops(workspace);
            int from = 0;
            while (from < texts.size()) {
                int to = from + 1;
                int tokens = texts.get(from).length;
                while (to < texts.size() && tokens + texts.get(to).length <= PACKED) {
                    tokens += texts.get(to++).length;
                }
                workspace.reset();
                vectors.addAll(packed(ops, texts.subList(from, to)));
                from = to;
            }
        }
        return vectors;
    }

    private List<float[]> packed(Ops ops, List<int[]> texts) {
        int[] ids = texts.stream().flatMapToInt(Arrays::stream).toArray();
        var starts = new int[texts.size() + 1];
        for (int i = 0; i < texts.size(); i++) {
            starts[i + 1] = starts[i] + texts.get(i).length;
        }
        var sequences = new Sequences(starts);
        var pass = ForwardPass.of(ops, ids, sequences);
        Tensor hidden = switch (model.network()) {
            case Encoder encoder -> encoder.forward(pass);
            case Transformer decoder -> decoder.hidden(pass);
            case EncoderDecoder both -> both.encoder().hidden(pass);
        }; // [tokens, dim]
        int dim = hidden.dim(1);
        float[] tokens = hidden.toFloats();
        var vectors = new ArrayList<float[]>();
        for (int i = 0; i < sequences.count(); i++) {
            float[] vector = rules.pooling().of(tokens, sequences.start(i), sequences.length(i), dim);
            vectors.add(rules.normalized() ? normalized(vector) : vector);
        }
        return vectors;
    }

    private static float[] normalized(float[] vector) {
        double length = Math.max(Math.sqrt(dot(vector, vector)), 1e-12);
        var unit = new float[vector.length];
        for (int i = 0; i < unit.length; i++) {
            unit[i] = (float) (vector[i] / length);
        }
        return unit;
    }

    /// cos of the angle between two vectors: 1 for the same direction, 0 for unrelated ones.
    public static double cosine(float[] a, float[] b) {
        double lengths = Math.sqrt(dot(a, a) * dot(b, b));
        return lengths == 0 ? 0 : dot(a, b) / lengths;
    }

    private static double dot(float[] a, float[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += (double) a[i] * b[i];
        }
        return sum;
    }
}
