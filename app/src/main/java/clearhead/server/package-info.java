/// The HTTP server: one API over runs that all screens of the page share, and the page itself.
///
/// ## How to add a route
///
/// Write a class with a method `static List<Route> routes()` and name it in [Routes#all()]. A route says its method,
/// path, what it
/// is for and its parameters, from which requests are checked and the OpenAPI description is made:
///
/// ```java
/// Route.get("runs/{run}/row", "One row of weights", List.of(
///         Parameter.integer("layer", "Layer, from 0", 0, Integer.MAX_VALUE), …),
///     call -> {
///         try (Lease run = call.run()) {                       // 404 unknown_run, 409 not done; not evicted while
/// leased
///             int layer = call.below("layer", run.run().model().layers());
///             call.json(w -> w.beginObject().field("layer", layer).endObject());   // or call.bytes(…), call.events(…)
///         }
///     });
/// ```
///
/// What computes borrows [clearhead.ops.Ops] of the model: `run.hosted().with(ops -> …)`. A refusal is a [Refusal] or
/// an
/// `IllegalArgumentException` (400); anything else is a 500 and is logged without the text of the request.
@NullMarked
package clearhead.server;

import org.jspecify.annotations.NullMarked;
