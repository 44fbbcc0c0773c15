package clearhead.generate;

import clearhead.io.Json;
import clearhead.io.ModelFileException;
import clearhead.model.Model;
import clearhead.nn.Encoder;
import clearhead.nn.ForwardPass;
import clearhead.ops.Ops;
import clearhead.tensor.Workspace;
import clearhead.tokenizer.Special;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.IntStream;

/// A text with blanks, and what a masked language model fills them with: each blank by itself, all blanks
/// masked. Taylor 1953; Devlin et al. 2018, arXiv:1810.04805, section 3.1.
///
/// @param ids tokens of the text, special ones added
public record Cloze(int[] ids, List<Blank> blanks) {

    /// A masked token.
    ///
    /// @param guesses the most likely tokens, the most likely first
    public record Blank(int position, List<Guess> guesses) {}

    /// @param probability softmax of the logits over the whole vocabulary
    public record Guess(int id, double logit, double probability) {}

    /// Fills the blanks of a text.
    ///
    /// @param text with the model's mask token, such as `[MASK]`, at each blank
    /// @param top guesses a blank
    /// @throws IllegalArgumentException if there is no mask in the text, or it is too long
    /// @throws ModelFileException if the model predicts no masked tokens
    public static Cloze of(Model model, String text, int top) {
        requirePredicting(model);
        int mask = maskId(model);
        int[] ids = model.tokenizer().encode(text, Special.PARSE_AND_ADD);
        if (Arrays.stream(ids).noneMatch(id -> id == mask)) {
            throw new IllegalArgumentException("there is no blank in the text; put "
                    + model.tokenizer().tokenName(mask) + " where model " + model.name() + " is to fill in a token");
        }
        return of(model, ids, mask, top);
    }

    /// Fills the blanks of tokens; nothing is added to them.
    ///
    /// @param mask id of a blank
    public static Cloze of(Model model, int[] ids, int mask, int top) {
        requirePredicting(model);
        if (ids.length > model.context()) {
            throw new IllegalArgumentException("the text has " + ids.length + " tokens, the context of model "
                    + model.name() + " holds " + model.context());
        }
        int[] places =
                IntStream.range(0, ids.length).filter(i -> ids[i] == mask).toArray();
        if (places.length == 0) {
            throw new IllegalArgumentException("there is no blank among the ids; the mask is " + mask);
        }
        try (var workspace = new Workspace()) {
            Ops ops = model.backend().ops(workspace);
            float[] logits =
                    model.forward(ForwardPass.of(ops, ids).logitsOf(places)).toFloats(); // [blanks, vocab]
            int vocab = logits.length / places.length;
            var blanks = new ArrayList<Blank>();
            for (int i = 0; i < places.length; i++) {
                blanks.add(new Blank(places[i], guesses(Arrays.copyOfRange(logits, i * vocab, (i + 1) * vocab), top)));
            }
            return new Cloze(ids, List.copyOf(blanks));
        }
    }

    private static List<Guess> guesses(float[] logits, int top) {
        double largest = Double.NEGATIVE_INFINITY;
        for (float logit : logits) {
            largest = Math.max(largest, logit);
        }
        double sum = 0;
        for (float logit : logits) {
            sum += Math.exp(logit - largest);
        }
        double lse = largest + Math.log(sum);
        return IntStream.range(0, logits.length)
                .boxed()
                .sorted(Comparator.comparingDouble((Integer id) -> -logits[id]).thenComparing(id -> id))
                .limit(top)
                .map(id -> new Guess(id, logits[id], Math.exp(logits[id] - lse)))
                .toList();
    }

    private static void requirePredicting(Model model) {
        if (model.network() instanceof Encoder encoder && !encoder.predicts()) {
            throw new ModelFileException(
                    model.path(),
                    "a bare " + model.architecture().name() + " without a head that predicts masked tokens (its config"
                            + " names no …ForMaskedLM); embed works with it");
        }
        if (!(model.network() instanceof Encoder)) {
            throw new ModelFileException(
                    model.path(),
                    "a " + model.architecture().name() + " fills no blanks: it continues a text; use generate with it");
        }
    }

    /// The token that stands for a blank: `mask_token` of the files beside the model, else `[MASK]` or `<mask>`.
    private static int maskId(Model model) {
        var names = new ArrayList<String>();
        named(model).ifPresent(names::add);
        names.addAll(List.of("[MASK]", "<mask>"));
        for (String name : names) {
            OptionalInt id = model.tokenizer().id(name);
            if (id.isPresent()) {
                return id.getAsInt();
            }
        }
        throw new ModelFileException(
                model.path(), "its vocabulary has no token for a blank: none of " + String.join(", ", names));
    }

    private static Optional<String> named(Model model) {
        Path folder = Files.isDirectory(model.path())
                ? model.path()
                : Optional.ofNullable(model.path().toAbsolutePath().getParent()).orElse(model.path());
        for (String name : List.of("tokenizer_config.json", "special_tokens_map.json")) {
            Path file = folder.resolve(name);
            if (!Files.exists(file)) {
                continue;
            }
            Optional<Json> mask = Json.readObject(file).find("mask_token");
            if (mask.isPresent()) {
                switch (mask.get()) {
                    case Json.Text(String text) -> {
                        return Optional.of(text);
                    }
                    case Json.Obj token -> {
                        return Optional.of(token.text("content"));
                    }
                    default -> {}
                }
            }
        }
        return Optional.empty();
    }
}
