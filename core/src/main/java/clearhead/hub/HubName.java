package clearhead.hub;

import clearhead.io.ModelFileException;
import java.util.Optional;
import java.util.regex.Pattern;

/// A model on the hub: `hf:org/name[@revision][:file]`.
///
/// @param repo `org/name`, or `name` alone for the oldest ones
/// @param revision a branch, a tag or a commit; `main` unless said
/// @param file a file of it, or a quantization such as `Q4_K_M` that one of its GGUF files has in its name
public record HubName(String repo, String revision, Optional<String> file) {
    /// What names of the hub begin with where paths are taken too.
    public static final String PREFIX = "hf:";

    static final String MAIN = "main";
    private static final int LONGEST_REPO = 96;
    private static final Pattern REPO_PART = Pattern.compile("[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?");
    private static final Pattern REVISION = Pattern.compile("[A-Za-z0-9_][A-Za-z0-9._/+-]{0,199}");
    private static final Pattern COMMIT = Pattern.compile("[0-9a-f]{40}");
    private static final String FORM = "wanted hf:ORG/NAME[@REVISION][:FILE]";

    public HubName {
        requireRepo(repo);
        requireRevision(repo, revision);
        file.ifPresent(name -> PathRule.require(PREFIX + repo, name));
    }

    /// Whether a user means a model of the hub.
    public static boolean isOne(String model) {
        return model.startsWith(PREFIX);
    }

    /// @param text with `hf:` before it or without
    /// @throws ModelFileException if it is no name
    public static HubName parse(String text) {
        String rest = isOne(text) ? text.substring(PREFIX.length()) : text;
        int colon = rest.indexOf(':');
        if (colon >= 0 && rest.startsWith("//", colon + 1)) {
            throw new ModelFileException("model \"" + text + '"', FORM + ", found an address");
        }
        Optional<String> file = colon < 0 ? Optional.empty() : Optional.of(rest.substring(colon + 1));
        String before = colon < 0 ? rest : rest.substring(0, colon);
        int at = before.indexOf('@');
        String repo = at < 0 ? before : before.substring(0, at);
        return new HubName(repo, at < 0 ? MAIN : before.substring(at + 1), file);
    }

    public HubName at(String otherRevision) {
        return new HubName(repo, otherRevision, file);
    }

    private static void requireRepo(String repo) {
        String[] parts = repo.split("/", -1);
        boolean good = parts.length <= 2
                && repo.length() <= LONGEST_REPO
                && !repo.contains("--")
                && !repo.contains("..")
                && !repo.endsWith(".git");
        for (String part : parts) {
            good &= REPO_PART.matcher(part).matches();
        }
        if (!good) {
            throw new ModelFileException(
                    "model \"" + PREFIX + (repo.length() > LONGEST_REPO ? repo.substring(0, LONGEST_REPO) + "…" : repo)
                            + '"',
                    FORM + "; the name of a repository has letters, digits, - _ and ., at most " + LONGEST_REPO
                            + ", no -- and no ..");
        }
    }

    private static void requireRevision(String repo, String revision) {
        boolean good = REVISION.matcher(revision).matches()
                && PathRule.problem(revision).isEmpty()
                && !revision.contains("..")
                && !revision.endsWith(".lock");
        if (!good) {
            throw new ModelFileException(
                    "model \"" + PREFIX + repo + '"',
                    "wanted a branch, a tag or a commit after @, found \""
                            + (revision.length() > 80 ? revision.substring(0, 80) + "…" : revision) + '"');
        }
    }

    /// Whether the revision can never mean anything else.
    boolean isPinned() {
        return isCommit(revision);
    }

    static boolean isCommit(String text) {
        return COMMIT.matcher(text).matches();
    }

    /// `models--org--name`, the folder in the cache.
    String folder() {
        return "models--" + repo.replace("/", "--");
    }

    /// As a user writes it.
    public String text() {
        return PREFIX
                + repo
                + (revision.equals(MAIN) ? "" : "@" + revision)
                + file.map(f -> ":" + f).orElse("");
    }
}
