package clearhead.model;

import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/// Parameters as the tensors of a Hugging Face checkpoint: what [Architecture#parameters] took apart is
/// joined and transposed back. Serves weights and gradients alike.
public final class Exported {
    private Exported() {}

    /// Every tensor of the checkpoint.
    ///
    /// @param parameters tensors by [Parameter#name], row-major; of one plain type, or quantized where
    ///     nothing is to be transposed
    /// @param arena owner of what has to be joined; the others are the parameters themselves
    /// @return by the checkpoint's names, in the order of the forward pass
    public static Map<String, Tensor> of(Architecture architecture, Function<String, Tensor> parameters, Arena arena) {
        var tensors = new LinkedHashMap<String, Tensor>();
        byStoredName(architecture)
                .forEach((name, list) -> tensors.put(name, joined(list, p -> parameters.apply(p.name()), arena)));
        return tensors;
    }

    /// Parameters by the tensor that holds them, in the order of the forward pass.
    static Map<String, List<Parameter>> byStoredName(Architecture architecture) {
        var parts = new LinkedHashMap<String, List<Parameter>>();
        for (Parameter p : architecture.parameters()) {
            parts.computeIfAbsent(p.stored().name(), _ -> new ArrayList<>()).add(p);
        }
        return parts;
    }

    /// The tensor that some parameters share.
    static Tensor joined(List<Parameter> parts, Function<Parameter, Tensor> parameters, Arena arena) {
        Parameter first = parts.getFirst();
        Parameter.Stored at = first.stored();
        Tensor one = Elements.unchanged(parameters.apply(first), at.change(), arena);
        if (parts.size() == 1 && at.count() == 0 && !at.transposed()) {
            return one.reshape(first.storedShape().dims());
        }
        int in = first.columns();
        Tensor all = Tensor.zeros(arena, one.type(), first.storedShape().dims());
        for (Parameter p : parts) {
            Parameter.Stored place = p.stored();
            Tensor part = Elements.unchanged(parameters.apply(p), place.change(), arena)
                    .reshape(p.shape().dim(0), in);
            int height = place.transposed() ? in : place.rows().all();
            int width = place.transposed() ? place.rows().all() : in;
            Tensor matrix = all.reshape(Math.max(1, place.count()) * height, width)
                    .rows(place.index() * height, (place.index() + 1) * height);
            if (place.transposed()) {
                Elements.putColumns(part, matrix, place.rows());
            } else {
                Elements.putRows(part, matrix, place.rows());
            }
        }
        return all;
    }
}
