package clearhead.bench;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/// Words of a command line: `--name`, or `--name value`.
record Options(List<String> words) {
    Options(String... words) {
        this(List.of(words));
    }

    boolean has(String name) {
        return words.contains(name);
    }

    Optional<String> word(String name) {
        int at = words.indexOf(name);
        if (at >= 0 && (at + 1 == words.size() || words.get(at + 1).startsWith("--"))) {
            throw new IllegalArgumentException(name + " wants a value");
        }
        return at < 0 ? Optional.empty() : Optional.of(words.get(at + 1));
    }

    double number(String name, double otherwise) {
        return word(name).map(Double::parseDouble).orElse(otherwise);
    }

    /// Separated by commas.
    List<String> words(String name, List<String> otherwise) {
        return word(name).map(w -> List.of(w.split(","))).orElse(otherwise);
    }

    /// Whole numbers separated by commas.
    List<Integer> numbers(String name, List<Integer> otherwise) {
        return word(name)
                .map(w -> Arrays.stream(w.split(",")).map(Integer::valueOf).toList())
                .orElse(otherwise);
    }
}
