package clearhead.tokenizer.template;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// What a call was given.
///
/// @param positions arguments by position
/// @param names arguments by name
record Arguments(List<Value> positions, Map<String, Value> names) {
    static final Arguments NONE = new Arguments(List.of(), Map.of());

    /// The argument at a position, or by its name.
    Optional<Value> get(int position, String name) {
        if (position < positions.size()) {
            return Optional.of(positions.get(position));
        }
        return Optional.ofNullable(names.get(name));
    }

    Value require(int position, String name, String of) {
        return get(position, name)
                .orElseThrow(() -> new TemplateException(of + " needs the argument \"" + name + "\""));
    }

    /// Without the first positional argument.
    Arguments rest() {
        return new Arguments(positions.subList(1, positions.size()), names);
    }

    /// Refuses more than so many positional arguments, and names that are not among these.
    Arguments atMost(int count, String of, String... known) {
        if (positions.size() > count) {
            throw new TemplateException(of + " takes at most " + count + " arguments, got " + positions.size());
        }
        var left = new LinkedHashMap<>(names);
        for (String name : known) {
            left.remove(name);
        }
        if (!left.isEmpty()) {
            throw new TemplateException(
                    of + " has no argument \"" + left.keySet().iterator().next() + "\"");
        }
        return this;
    }
}
