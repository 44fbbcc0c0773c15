package clearhead.server;

import java.util.List;
import java.util.regex.Pattern;

/// A parameter of a route's query: its name, meaning and range.
///
/// @param type what it may be
/// @param otherwise the value where it is not given; null where it must be
record Parameter(
        String name,
        String meaning,
        Type type,
        @org.jspecify.annotations.Nullable String otherwise) {
    private static final Pattern WHOLE = Pattern.compile("-?[0-9]{1,19}");
    private static final Pattern REAL =
            Pattern.compile("-?([0-9]{1,40}(\\.[0-9]{0,400})?|\\.[0-9]{1,400})([eE][-+]?[0-9]{1,4})?");

    /// What a parameter may be.
    sealed interface Type {
        /// @param least smallest value
        /// @param most largest value
        record Whole(long least, long most) implements Type {}

        /// A finite number.
        record Real(double least, double most) implements Type {}

        record Choice(List<String> values) implements Type {}

        /// @param most characters
        record Text(int most) implements Type {}
    }

    static Parameter integer(String name, String meaning, long least, long most) {
        return new Parameter(name, meaning, new Type.Whole(least, most), null);
    }

    static Parameter real(String name, String meaning, double least, double most) {
        return new Parameter(name, meaning, new Type.Real(least, most), null);
    }

    static Parameter choice(String name, String meaning, String... values) {
        return new Parameter(name, meaning, new Type.Choice(List.of(values)), null);
    }

    static Parameter text(String name, String meaning, int most) {
        return new Parameter(name, meaning, new Type.Text(most), null);
    }

    /// The same, not needed.
    Parameter or(String value) {
        return new Parameter(name, meaning, type, value);
    }

    /// The value, if it is one.
    String check(@org.jspecify.annotations.Nullable String given) {
        String value = given == null ? otherwise : given;
        if (value == null) {
            throw Refusal.bad("The parameter \"" + name + "\" is missing.", "Give " + name + ": " + wanted() + ".");
        }
        boolean fits;
        try {
            fits = given == null
                    || switch (type) {
                        case Type.Whole(long least, long most) -> {
                            yield WHOLE.matcher(value).matches()
                                    && Long.parseLong(value) >= least
                                    && Long.parseLong(value) <= most;
                        }
                        case Type.Real(double least, double most) -> {
                            yield REAL.matcher(value).matches()
                                    && Double.parseDouble(value) >= least
                                    && Double.parseDouble(value) <= most;
                        }
                        case Type.Choice(List<String> values) -> values.contains(value);
                        case Type.Text(int most) -> value.length() <= most;
                    };
        } catch (NumberFormatException e) {
            fits = false;
        }
        if (!fits) {
            String shown = value.length() > 60 ? value.substring(0, 60) + "…" : value;
            throw Refusal.bad(
                    "The parameter \"" + name + "\" cannot be \"" + shown + "\".",
                    "Give " + name + ": " + wanted() + ".");
        }
        return value;
    }

    /// The range in words.
    String wanted() {
        return switch (type) {
            case Type.Whole(long least, long most) ->
                most >= Integer.MAX_VALUE
                        ? "a whole number from " + least
                        : "a whole number from " + least + " to " + most;
            case Type.Real(double least, double most) -> "a number from " + least + " to " + most;
            case Type.Choice(List<String> values) -> "one of " + String.join(", ", values);
            case Type.Text(int most) -> "text of at most " + most + " characters";
        };
    }
}
