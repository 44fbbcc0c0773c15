package clearhead.server;

import java.util.List;
import java.util.stream.Stream;

/// All routes of the API.
final class Routes {
    private Routes() {}

    static List<Route> all() {
        return Stream.of(
                        RunRoutes.routes(), //
                        TokenRoutes.routes(),
                        StepRoutes.routes(),
                        GenerateRoutes.routes(),
                        HeadRoutes.routes(),
                        MapRoutes.routes(),
                        PredictRoutes.routes(),
                        TryRoutes.routes())
                .flatMap(List::stream)
                .toList();
    }
}
