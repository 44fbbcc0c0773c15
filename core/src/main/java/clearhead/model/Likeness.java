package clearhead.model;

import clearhead.nn.Positions;
import clearhead.tensor.Tensor;
import java.lang.reflect.Array;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/// Whether two models compute the same but for their weights: every setting of every part, by the path
/// that leads to it (`blocks.0.mixer.spec.mask.left`). Parts are records, so nothing has to be listed
/// here when a part is added.
final class Likeness {
    private static final double TOLERANCE = 1e-5; // numbers that a file rounds to float32

    private final Architecture architecture;
    private final Map<String, Object> settings = new LinkedHashMap<>();

    private Likeness(Architecture architecture) {
        this.architecture = architecture;
        add("", architecture.drawn());
    }

    /// @param path of a setting
    /// @param wanted what the first model has there, or nothing
    /// @param found what the second has
    record Difference(String path, String wanted, String found) {
        @Override
        public String toString() {
            return path + " is " + wanted + " and would be read as " + found;
        }
    }

    /// What differs, in the order of the forward pass.
    static List<Difference> differences(Architecture wanted, Architecture found) {
        Map<String, Object> a = new Likeness(wanted).settings;
        Map<String, Object> b = new Likeness(found).settings;
        var paths = new LinkedHashSet<>(a.keySet());
        paths.addAll(b.keySet());
        var all = new ArrayList<Difference>();
        for (String path : paths) {
            Object one = a.getOrDefault(path, "nothing");
            Object other = b.getOrDefault(path, "nothing");
            if (!alike(one, other)) {
                all.add(new Difference(path, one.toString(), other.toString()));
            }
        }
        return all;
    }

    private static boolean alike(Object a, Object b) {
        if (a instanceof Double x && b instanceof Double y) {
            return Objects.equals(x, y) || Math.abs(x - y) <= TOLERANCE * Math.max(Math.abs(x), Math.abs(y));
        }
        return a.equals(b);
    }

    private void add(String path, Object value) {
        switch (value) {
            case Tensor tensor -> settings.put(path, tensor.shape().toString());
            case Positions positions
            when architecture.rotation(positions).isPresent() ->
                rotation(path, architecture.rotation(positions).get());
            case Number number -> settings.put(path, number.doubleValue());
            case Optional<?> optional -> optional.ifPresent(inside -> add(path, inside));
            case List<?> list -> {
                for (int i = 0; i < list.size(); i++) {
                    add(below(path, "" + i), list.get(i));
                }
            }
            case Record part -> parts(path, part);
            case Object array
            when array.getClass().isArray() -> {
                for (int i = 0; i < Array.getLength(array); i++) {
                    add(below(path, "" + i), Array.get(array, i));
                }
            }
            case Enum<?> constant -> settings.put(path, constant.name());
            default -> settings.put(path, value.toString());
        }
    }

    private static String below(String path, String name) {
        return path.isEmpty() ? name : path + "." + name;
    }

    private void parts(String path, Record part) {
        settings.put(path, part.getClass().getSimpleName());
        for (RecordComponent component : part.getClass().getRecordComponents()) {
            try {
                var accessor = component.getAccessor();
                accessor.setAccessible(true);
                add(below(path, component.getName()), accessor.invoke(part));
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException(path + " cannot be read", e);
            }
        }
    }

    private void rotation(String path, Drawing.Rotation rotation) {
        settings.put(path, "Rope");
        settings.put(below(path, "pairing"), rotation.pairing().name());
        for (int length : new int[] {1, architecture.context()}) {
            double[] frequencies = rotation.scaling().frequencies(rotation.rotaryDim(), rotation.theta(), length);
            add(below(path, "frequencies of " + (length == 1 ? "short" : "long") + " texts"), frequencies);
        }
        add(below(path, "magnitude"), rotation.scaling().magnitude());
    }
}
