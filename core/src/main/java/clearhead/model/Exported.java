package clearhead.model;

import clearhead.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/// Parameters as the tensors of a Hugging Face checkpoint: what [Family#parameters] took apart is
/// joined and transposed back. Serves weights and gradients alike.
public final class Exported {
    private Exported() {}

    /// Every tensor of the checkpoint.
    ///
    /// @param parameters tensors by [Parameter#name], row-major; of one plain type, or quantized where
    ///     nothing is to be transposed
    /// @param arena owner of what has to be joined; the others are the parameters themselves
    /// @return by the checkpoint's names, in the order of the forward pass
    public static Map<String, Tensor> of(Family family, Function<String, Tensor> parameters, Arena arena) {
        var parts = new LinkedHashMap<String, List<Parameter>>();
        for (Parameter p : family.parameters()) {
            parts.computeIfAbsent(p.stored().name(), _ -> new ArrayList<>()).add(p);
        }
        var tensors = new LinkedHashMap<String, Tensor>();
        parts.forEach((name, list) -> tensors.put(name, joined(list, parameters, arena)));
        return tensors;
    }

    private static Tensor joined(List<Parameter> parts, Function<String, Tensor> parameters, Arena arena) {
        Parameter first = parts.getFirst();
        Tensor one = parameters.apply(first.name());
        if (parts.size() == 1 && !first.stored().transposed()) {
            return one;
        }
        Tensor all = Tensor.zeros(arena, one.type(), first.storedShape().dims());
        for (Parameter p : parts) {
            Tensor part = parameters.apply(p.name());
            if (p.stored().transposed()) {
                Elements.putColumns(part, all, p.stored().first());
            } else {
                long row = part.data().byteSize() / p.shape().dim(0);
                MemorySegment.copy(
                        part.data(),
                        0,
                        all.data(),
                        p.stored().first() * row,
                        part.data().byteSize());
            }
        }
        return all;
    }
}
