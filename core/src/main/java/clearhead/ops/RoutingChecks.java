package clearhead.ops;

import clearhead.tensor.Tensor;
import java.util.List;

/// Arguments of [Ops#route], [Ops#combine] and [Ops#clamp], and of their adjoints; see [Checks].
public final class RoutingChecks {
    private RoutingChecks() {}

    /// logits [tokens, experts].
    public static void route(Tensor logits, Routing routing) {
        Checks.activation("route", "logits", logits, 2, "[tokens, experts]");
        int experts = logits.dim(1);
        Routing.Groups groups = routing.groups();
        if (experts % groups.count() != 0 || routing.chosen() > experts / groups.count() * groups.kept()) {
            throw new IllegalArgumentException("route: " + routing.chosen() + " of " + experts
                    + " experts cannot be chosen from " + groups.kept() + " of " + groups.count() + " groups");
        }
        routing.correction()
                .ifPresent(bias -> Checks.vector("route", "correction", bias, "experts", experts, "logits"));
    }

    /// What [Ops#route] gave, dWeights [tokens, chosen].
    public static void routeAdjoint(Tensor logits, Routing routing, Routed forward, Tensor dWeights) {
        route(logits, routing);
        Checks.like("route adjoint", "dWeights", dWeights, "weights", forward.weights());
        Checks.axis("route adjoint", "weights", "tokens", dWeights.dim(0), logits.dim(0), "logits");
    }

    /// parts [n, dim] each, rows I32 [tokens, chosen], weights [tokens, chosen].
    public static void combine(List<Tensor> parts, Tensor rows, Tensor weights) {
        Checks.activation("combine", "weights", weights, 2, "[tokens, chosen]");
        if (parts.isEmpty()) {
            throw new IllegalArgumentException("combine: there must be at least one part, got none");
        }
        int all = 0;
        for (Tensor part : parts) {
            Checks.activation("combine", "a part", part, 2, "[n, dim]");
            Checks.type("combine", "a part", part, weights.type());
            Checks.axis(
                    "combine",
                    "a part [n, dim]",
                    "dim",
                    part.dim(1),
                    parts.getFirst().dim(1),
                    "the first");
            all = Math.addExact(all, part.dim(0));
        }
        Checks.axis("combine", "rows [tokens, chosen]", "tokens", rows.dim(0), weights.dim(0), "weights");
        Checks.axis("combine", "rows [tokens, chosen]", "chosen", rows.dim(-1), weights.dim(1), "weights");
        Checks.indices(
                "combine", "rows", rows.reshape(Math.toIntExact(rows.size())), "[tokens·chosen]", "rows of parts", all);
    }

    /// dOut [tokens, dim].
    public static void combineAdjoint(List<Tensor> parts, Tensor rows, Tensor weights, Tensor dOut) {
        combine(parts, rows, weights);
        Checks.activation("combine adjoint", "dOut", dOut, 2, "[tokens, dim]");
        Checks.type("combine adjoint", "dOut", dOut, weights.type());
        Checks.axis("combine adjoint", "dOut", "tokens", dOut.dim(0), weights.dim(0), "weights");
        Checks.axis(
                "combine adjoint", "dOut", "dim", dOut.dim(1), parts.getFirst().dim(1), "parts");
    }

    /// Any shape; low ≤ high.
    public static void clamp(Tensor x, double low, double high) {
        Checks.activation("clamp", "x", x);
        if (!(low <= high)) {
            throw new IllegalArgumentException("clamp: low must be at most high, got " + low + " and " + high);
        }
    }

    /// dOut of the shape of x.
    public static void clampAdjoint(Tensor x, double low, double high, Tensor dOut) {
        clamp(x, low, high);
        Checks.like("clamp adjoint", "dOut", dOut, "x", x);
    }
}
