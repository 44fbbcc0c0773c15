package clearhead.hub;

import clearhead.io.ModelFileException;
import java.net.http.HttpHeaders;
import java.util.Optional;

/// Why the hub gives nothing, and what to do about it.
final class Refusal {
    private Refusal() {}

    /// @param file what was asked for; nothing for the repository itself
    static ModelFileException of(
            HubSettings settings, HubName name, Optional<String> file, int status, HttpHeaders headers) {
        String source = file.map(f -> name.text() + ": " + f).orElse(name.text());
        String code = headers.firstValue("X-Error-Code").orElse("");
        boolean token = settings.token().isPresent();
        String page = settings.endpoint() + "/" + name.repo();
        String give = "set HF_TOKEN to a token from " + settings.endpoint() + "/settings/tokens";
        if (code.equals("GatedRepo")) {
            return new ModelFileException(
                    source,
                    "its owner gives it only to those who ask: accept the conditions at " + page
                            + (token ? " with the account of your token" : ", then " + give));
        }
        if (code.equals("RevisionNotFound")) {
            return new ModelFileException(source, "the repository has no revision \"" + name.revision() + '"');
        }
        if (code.equals("EntryNotFound") || (status == 404 && file.isPresent())) {
            return new ModelFileException(source, "the repository has no such file");
        }
        if (code.equals("RepoNotFound") || status == 401 || status == 404) {
            return new ModelFileException(
                    source,
                    "there is no such repository at " + settings.endpoint() + ", or it is private"
                            + (token ? " and your token does not open it" : "; check the name, or " + give));
        }
        if (status == 403) {
            return new ModelFileException(
                    source, "the server refuses it (403)" + (token ? ": your token may not read it" : "; " + give));
        }
        String said = headers.firstValue("X-Error-Message").map(m -> ": " + m).orElse("");
        return new ModelFileException(
                source, "the server answers " + status + said + "; is " + settings.endpoint() + " a hub?");
    }
}
