package clearhead.server;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// One path of the API.
///
/// @param path under `/api/v1/`, such as `runs/{run}/row`
/// @param parameters of the query
/// @param body what a POST's JSON body holds, in words; empty for a GET
/// @param fields of the body; where there are none, the handler checks it
/// @param answer what it answers, in words
/// @param open whether it answers without a key, too
/// @param waits whether it mostly waits for something else, and so needs no turn to compute
record Route(
        String method,
        String path,
        String meaning,
        List<Parameter> parameters,
        String body,
        List<Field> fields,
        String answer,
        boolean open,
        boolean waits,
        Handler handler) {
    /// Answers a call.
    @FunctionalInterface
    interface Handler {
        void handle(Call call) throws Exception;
    }

    static Route get(String path, String meaning, List<Parameter> parameters, String answer, Handler handler) {
        return new Route("GET", path, meaning, parameters, "", List.of(), answer, false, false, handler);
    }

    static Route post(
            String path, String meaning, List<Parameter> parameters, String body, String answer, Handler handler) {
        return new Route("POST", path, meaning, parameters, body, List.of(), answer, false, false, handler);
    }

    /// The fields that a POST's body may have: [Call#body] then refuses others, and wrong types.
    Route with(List<Field> named) {
        return new Route(method, path, meaning, parameters, body, named, answer, open, waits, handler);
    }

    /// The same, for everybody.
    Route withoutKey() {
        return new Route(method, path, meaning, parameters, body, fields, answer, true, waits, handler);
    }

    /// The same, for handlers that wait and hardly compute: they do not count among those that do.
    Route waiting() {
        return new Route(method, path, meaning, parameters, body, fields, answer, open, true, handler);
    }

    /// The variables of the path, if it is one of this route's.
    Optional<Map<String, String>> match(String given) {
        String[] wanted = path.split("/");
        String[] found = given.split("/", -1);
        if (wanted.length != found.length) {
            return Optional.empty();
        }
        var variables = new ArrayList<Map.Entry<String, String>>();
        for (int n = 0; n < wanted.length; n++) {
            if (wanted[n].startsWith("{")) {
                variables.add(Map.entry(wanted[n].substring(1, wanted[n].length() - 1), found[n]));
            } else if (!wanted[n].equals(found[n])) {
                return Optional.empty();
            }
        }
        return Optional.of(Map.ofEntries(variables.<Map.Entry<String, String>>toArray(Map.Entry[]::new)));
    }

    /// Names of the path's variables.
    List<String> variables() {
        return List.of(path.split("/")).stream()
                .filter(part -> part.startsWith("{"))
                .map(part -> part.substring(1, part.length() - 1))
                .toList();
    }
}
