package clearhead.ops;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// A backend under test, with 1 and with 2 threads. The system property `clearhead.conformance` (names
/// separated by commas) restricts which backends are tested; `clearhead.vectorBits` sets the vector
/// length of the `vector` backend for a whole JVM.
///
/// @param name for reports: the backend and its vector length
/// @param one computes on 1 thread
/// @param two computes on 2 threads
public record Subject(String name, Backend one, Backend two) {
    private static final class Holder {
        static final List<Subject> SUBJECTS = create();
    }

    /// Every backend that can run here.
    public static List<Subject> all() {
        return Holder.SUBJECTS;
    }

    private static List<Subject> create() {
        String only = System.getProperty("clearhead.conformance", "");
        var subjects = new ArrayList<Subject>();
        for (BackendProvider provider : Backends.all()) {
            if (!only.isBlank() && !Arrays.asList(only.split(",")).contains(provider.name())) {
                continue;
            }
            if (!provider.obstacles().isEmpty()) {
                System.out.println(
                        "skipped: backend " + provider.name() + ": " + String.join("; ", provider.obstacles()));
                continue;
            }
            Backend one = provider.create(1);
            Backend two = provider.create(2);
            System.out.println("conformance: " + provider.name() + ": " + two.description());
            String bits = System.getProperty("clearhead.vectorBits");
            boolean sized = bits != null && provider.name().equals("vector");
            subjects.add(new Subject(provider.name() + (sized ? " " + bits : ""), one, two));
        }
        return List.copyOf(subjects);
    }

    @Override
    public String toString() {
        return name;
    }
}
