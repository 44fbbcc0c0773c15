/// The HTTP server: one API over runs that all screens of the page share, and the page itself.
///
/// ## How to add a route
///
/// Write a class with a method `static List<Route> routes()` and name it in [Routes#all()]. A route says its method,
/// path, what it is for and its parameters; requests are checked by these, and `GET openapi.json` describes them:
///
/// ```java
/// Route.get("runs/{run}/row", "One row of weights", List.of(
///         Parameter.integer("layer", "Layer, from 0", 0, Integer.MAX_VALUE),
///         Parameter.real("temperature", "Divides the logits", 0, 1000).or("1")),
///     "{layer}",
///     call -> {
///         try (Lease run = call.run()) {           // 404 unknown_run; waits for a run on its way; not evicted while
/// leased
///             int layer = call.below("layer", run.run().model().layers());
///             call.json(w -> w.beginObject().field("layer", layer).endObject());   // or call.floats, call.events
///         }
///     });
/// ```
///
/// - A POST names the fields of its body, `Route.post(…).with(List.of(Field.needed(…), …))`: then
///   [Call#body] refuses unknown and missing fields and wrong types.
/// - What computes borrows [clearhead.ops.Ops] of the model: `run.hosted().with(ops -> …)`, or `atLength` where it may
///   take seconds, such as a sweep. Only so many calls compute at a time ([Turns]); too many waiting are a 429 with
///   Retry-After. A handler that only waits says so: [Route#waiting]. One that streams ([Call#events]) gives its turn
///   back.
/// - A refusal is a [Refusal] or an `IllegalArgumentException` (400); anything else is a 500 and is logged without its
///   message, which may quote the text.
///
/// ## Runs
///
/// Equal specs share one [Held] run, whose name is a hash of all that decides what it computes ([Spec#id]). One is
/// computed at a time, with all cores. A run that all listeners have left is given up, between layers, and is unknown
/// (404) afterwards. Finished runs
/// are
/// kept within a budget of memory and evicted, the longest unused first, but never under a [Lease].
///
/// ## Who may come in
///
/// A server on 127.0.0.1 answers only to the names of this machine (no DNS rebinding), any other demands an API key of
/// every call but `health` and the page's own files. The page asks its user for the key when a call answers 401
/// (`key_needed`), keeps it for the session and sends it as `Authorization: Bearer KEY`; events are therefore read with
/// `fetch`, since an `EventSource` cannot send headers. Calls with the `Origin` of another site are refused. Scripts,
/// styles, workers and connections are the server's own only ([Door]): no inline script or style element; `data:` and
/// `blob:` are for images.
@NullMarked
package clearhead.server;

import org.jspecify.annotations.NullMarked;
