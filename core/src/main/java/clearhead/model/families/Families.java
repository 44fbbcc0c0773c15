package clearhead.model.families;

import clearhead.model.Family;
import java.util.Comparator;
import java.util.List;

/// The families there are.
public final class Families {
    private Families() {}

    /// By name.
    public static final List<Family> ALL = List.of(
            new Albert(),
            new Bert(),
            new DistilBert(),
            new Electra(),
            new Ernie(),
            new Exaone4(),
            new Gpt2(),
            new Granite(),
            new GraniteMoe(),
            new Llama(),
            new Mistral(),
            new Mixtral(),
            new Olmo(),
            new ModernBert(),
            new MpNet(),
            new Olmo2("olmo2", "Olmo2ForCausalLM"),
            new Olmo2("olmo3", "Olmo3ForCausalLM"),
            new Olmoe(),
            new Phi3(),
            new Qwen2(),
            new Qwen3(),
            new Qwen3Moe(),
            new Roberta(),
            new SmolLm3());

    /// The names most like one that nobody knows, best first.
    public static List<String> nearest(String name) {
        return ALL.stream()
                .flatMap(family -> family.names().stream())
                .sorted(Comparator.comparingInt((String known) -> distance(known, name))
                        .thenComparing(Comparator.naturalOrder()))
                .limit(3)
                .toList();
    }

    /// Levenshtein's distance of two short names.
    private static int distance(String a, String b) {
        int columns = Math.min(b.length(), 64);
        var row = new int[columns + 1];
        for (int j = 0; j <= columns; j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= columns; j++) {
                int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(replaced, Math.min(row[j], row[j - 1]) + 1);
            }
        }
        return row[columns];
    }
}
