package clearhead.app;

import clearhead.inspect.Interventions;
import clearhead.inspect.Run;
import clearhead.nn.Probe;
import clearhead.view.Prompt;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Option;

/// The changes that a command makes to a run.
final class ChangeOptions {
    @Option(
            names = "--change",
            paramLabel = "CHANGE",
            description = "A change to the run; may be given several times. head:2.1=0 (any factor) or"
                    + " head:2.1=mean: what layer 2, head 1 says before Wo. cut:2.1:5>3: query 5 no longer sees"
                    + " key 3 (* for every layer or head; :keep leaves the row's other weights as they are)."
                    + " block:3: no later token sees position 3. swap:4=1234: another token id."
                    + " patch:resid_post.2:4<4: the value of --from's token 4.")
    private List<String> changes = new ArrayList<>();

    @Option(names = "--from", paramLabel = "TEXT", description = "The other text, from which patches take values.")
    private Optional<String> from = Optional.empty();

    /// Changes, and the tokens of the text that patches take values from.
    ///
    /// @param other empty where there is none
    record Given(Interventions changes, Optional<Prompt> other) {
        int[] otherIds() {
            return other.map(Prompt::ids).orElse(new int[0]);
        }
    }

    boolean isEmpty() {
        return changes.isEmpty();
    }

    /// Reads them, and `more` changes in the same notation.
    Given read(OpenModel open, TextOption text, Prompt prompt, List<String> more) {
        var all = new ArrayList<>(changes);
        all.addAll(more);
        Optional<Prompt> other = from.map(t ->
                Prompt.ofText(t, open.model().tokenizer(), text.special.tokens).checked(open.model()));
        try {
            var read = Interventions.parse(
                    all,
                    open.transformer(),
                    prompt.ids().length,
                    other.map(p -> p.ids().length).orElse(0));
            return new Given(read, other);
        } catch (IllegalArgumentException e) {
            throw new UsageException(String.valueOf(e.getMessage()));
        }
    }

    /// Runs the text with these changes.
    Run run(OpenModel open, TextOption text, Prompt prompt) {
        Given given = read(open, text, prompt, List.of());
        Interventions all = given.changes();
        return Run.of(
                open.transformer(),
                open.ops(),
                all.ids(prompt.ids()),
                all.isEmpty() ? Probe.NONE : all.probe(open.transformer(), open.ops(), prompt.ids(), given.otherIds()),
                Run.Progress.NONE);
    }
}
