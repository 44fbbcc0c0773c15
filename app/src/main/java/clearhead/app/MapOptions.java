package clearhead.app;

import clearhead.inspect.AttentionMap;
import clearhead.inspect.Heads;
import clearhead.inspect.Run;
import clearhead.inspect.Units;
import clearhead.nn.Transformer;
import clearhead.view.Prompt;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine.Option;

/// Which matrix of attention is looked at, where it is not the plain pattern of one head.
final class MapOptions {
    @Option(
            names = "--of",
            paramLabel = "HEADS",
            description = "2.1 for a head, 2.1,2.3 for the mean of some, 2.* of a layer, *.* of all, or rollout:5 for"
                    + " attention rollout through layer 5.")
    private Optional<String> of = Optional.empty();

    @Option(
            names = "--kind",
            paramLabel = "K",
            description = "weights; scores, before softmax; or value: weight times the length of the value after Wo.")
    private Optional<String> kind = Optional.empty();

    @Option(
            names = "--unit",
            paramLabel = "U",
            description = "token, word or sentence: what rows and columns are, and what --query and --column count.")
    private Optional<String> unit = Optional.empty();

    @Option(names = "--column", paramLabel = "j", description = "Who looks at this key, instead of a query's row.")
    private Optional<Integer> column = Optional.empty();

    /// Whether the plain pattern of one head is meant.
    boolean isEmpty() {
        return of.isEmpty() && kind.isEmpty() && unit.isEmpty() && column.isEmpty();
    }

    Heads heads(Optional<Integer> layer, Optional<Integer> head, Transformer model) {
        if (of.isPresent() ? layer.isPresent() || head.isPresent() : layer.isEmpty() || head.isEmpty()) {
            throw new UsageException("with --of, --kind, --unit, --column or --change the heads are named by --of, such"
                    + " as --of 2.1, or by both --layer and --head");
        }
        try {
            return Heads.parse(of.orElseGet(() -> layer.orElse(0) + "." + head.orElse(0)), model);
        } catch (IllegalArgumentException e) {
            throw new UsageException(String.valueOf(e.getMessage()));
        }
    }

    AttentionMap matrix(Run run, Heads heads, Units units) {
        try {
            return new AttentionMap(run, heads, kind(), units);
        } catch (IllegalArgumentException e) {
            throw new UsageException(String.valueOf(e.getMessage()));
        }
    }

    AttentionMap.Kind kind() {
        return switch (kind.orElse("weights")) {
            case "weights" -> AttentionMap.Kind.WEIGHTS;
            case "scores" -> AttentionMap.Kind.SCORES;
            case "value" -> AttentionMap.Kind.VALUE;
            default -> throw new UsageException("--kind is weights, scores or value, found \"" + kind.get() + "\"");
        };
    }

    String unit() {
        String name = unit.orElse("token").toLowerCase(Locale.ROOT);
        if (!List.of("token", "word", "sentence").contains(name)) {
            throw new UsageException("--unit is token, word or sentence, found \"" + name + "\"");
        }
        return name;
    }

    Units units(Prompt prompt) {
        List<byte[]> bytes = prompt.labels().stream()
                .map(l -> l.special() ? new byte[0] : l.bytes())
                .toList();
        return switch (unit()) {
            case "word" -> Units.words(bytes);
            case "sentence" -> Units.sentences(bytes);
            default -> Units.tokens(bytes.size());
        };
    }

    Optional<Integer> column() {
        return column;
    }
}
