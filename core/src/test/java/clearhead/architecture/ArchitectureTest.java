package clearhead.architecture;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.testing.SharedData;
import java.io.IOException;
import java.lang.classfile.ClassFile;
import java.lang.classfile.ClassModel;
import java.lang.classfile.constantpool.PoolEntry;
import java.lang.classfile.constantpool.Utf8Entry;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/// The arrows between packages never turn round; only one package knows the Vector API; files are
/// short and named for what they are.
class ArchitectureTest {
    /// What each package may use besides itself. docs/architecture.md draws it.
    private static final Map<String, Set<String>> MAY_USE = Map.ofEntries(
            Map.entry("tokenizer", Set.of()),
            Map.entry("tensor", Set.of()),
            Map.entry("ops", Set.of("tensor")),
            Map.entry("measure", Set.of("ops", "tensor")), // for the command line's figures and for bench
            Map.entry("io", Set.of("tensor", "tokenizer")),
            Map.entry("hub", Set.of("io")), // brings files, knows nothing of what they mean
            Map.entry("nn", Set.of("ops", "tensor")),
            Map.entry(
                    "model",
                    Set.of("nn", "io", "ops", "tensor", "tokenizer")), // the tokenizer found beside the weights
            Map.entry("sampling", Set.of("tensor")), // one rule for generating and for looking at a prediction
            Map.entry("generate", Set.of("sampling", "model", "nn", "io", "ops", "tensor", "tokenizer")),
            Map.entry("inspect", Set.of("sampling", "model", "nn", "io", "ops", "tensor", "tokenizer")),
            Map.entry("train", Set.of("model", "nn", "io", "ops", "tensor", "tokenizer")));

    private static final Pattern OURS = Pattern.compile("clearhead/((?:[a-z0-9]+/)*)[A-Z]\\w*");
    private static final int LONGEST_FILE = 600;
    private static final Set<String> BANNED_PACKAGES = Set.of("util", "utils", "common", "helper", "helpers", "misc");
    private static final Pattern BANNED_NAMES =
            Pattern.compile("(Abstract|Base)[A-Z].*|.*(Manager|Helper|Utils?|Impl|Factory)");

    private record Compiled(String packageName, String name, Set<String> uses, boolean vectorApi) {
        /// `ops` of `clearhead.ops.cpu.vector`.
        String part() {
            return partOf(packageName);
        }
    }

    private static String partOf(String packageName) {
        String[] words = packageName.split("\\.");
        return words.length < 2 ? "" : words[1];
    }

    private static List<Compiled> classes(String... modules) throws IOException {
        var classes = new ArrayList<Compiled>();
        for (String module : modules) {
            Path folder = SharedData.repository().resolve(module + "/target/classes");
            try (Stream<Path> files = Files.walk(folder)) {
                for (Path file :
                        files.filter(f -> f.toString().endsWith(".class")).toList()) {
                    if (!file.getFileName().toString().equals("module-info.class")) {
                        classes.add(read(file));
                    }
                }
            }
        }
        return classes;
    }

    /// Names of classes stand in the constant pool, in descriptors and in signatures: all are text
    /// there.
    private static Compiled read(Path file) throws IOException {
        ClassModel model = ClassFile.of().parse(file);
        String name = model.thisClass().asInternalName();
        var uses = new TreeSet<String>();
        boolean vectorApi = false;
        for (PoolEntry entry : model.constantPool()) {
            if (entry instanceof Utf8Entry utf8) {
                vectorApi |= utf8.stringValue().contains("jdk/incubator/vector/");
                Matcher matcher = OURS.matcher(utf8.stringValue());
                while (matcher.find()) {
                    uses.add(packageOf(matcher.group()));
                }
            }
        }
        return new Compiled(packageOf(name), name, uses, vectorApi);
    }

    private static String packageOf(String internalName) {
        int end = internalName.lastIndexOf('/');
        return end < 0 ? "" : internalName.substring(0, end).replace('/', '.');
    }

    @Test
    void arrowsNeverTurnRound() throws IOException {
        var wrong = new TreeSet<String>();
        for (Compiled c : classes("tokenizer", "core")) {
            Set<String> allowed = MAY_USE.get(c.part());
            if (allowed == null) {
                wrong.add(c.name + " is in a package that has no place in the architecture");
                continue;
            }
            for (String used : c.uses) {
                String part = partOf(used);
                if (!part.equals(c.part()) && !allowed.contains(part)) {
                    wrong.add(c.name + " uses " + used);
                }
            }
        }
        assertEquals(Set.of(), wrong);
    }

    /// Inside `ops`: contracts know no backend, and backends do not know each other.
    @Test
    void backendsAreIndependent() throws IOException {
        var wrong = new TreeSet<String>();
        for (Compiled c : classes("core")) {
            for (String used : c.uses) {
                boolean backend = used.startsWith("clearhead.ops.cpu.");
                if (backend && !used.equals(c.packageName)) {
                    wrong.add(c.name + " uses " + used);
                }
            }
        }
        assertEquals(Set.of(), wrong);
    }

    @Test
    void onePackageUsesTheVectorApi() throws IOException {
        var users = new TreeSet<String>();
        for (Compiled c : classes("tokenizer", "core")) {
            if (c.vectorApi) {
                users.add(c.packageName);
            }
        }
        assertEquals(Set.of("clearhead.ops.cpu.vector"), users);
    }

    private static List<Path> sources() throws IOException {
        Path root = SharedData.repository();
        var sources = new ArrayList<Path>();
        for (String module : List.of("tokenizer", "core", "app", "bench")) {
            try (Stream<Path> files = Files.walk(root.resolve(module + "/src"))) {
                files.filter(f -> f.toString().endsWith(".java")).forEach(sources::add);
            }
        }
        assertTrue(sources.size() > 50, "sources are found");
        return sources;
    }

    @Test
    void filesAreShort() throws IOException {
        var wrong = new TreeSet<String>();
        for (Path file : sources()) {
            int lines = Files.readAllLines(file).size();
            if (lines > LONGEST_FILE) {
                wrong.add(file + " has " + lines + " lines, at most " + LONGEST_FILE);
            }
        }
        assertEquals(Set.of(), wrong);
    }

    @Test
    void namesSayWhatAThingIs() throws IOException {
        var wrong = new TreeSet<String>();
        for (Path file : sources()) {
            for (Path folder : SharedData.repository().relativize(file)) {
                if (BANNED_PACKAGES.contains(folder.toString())) {
                    wrong.add(file + ": no package is named " + folder);
                }
            }
            String name = file.getFileName().toString().replace(".java", "");
            if (BANNED_NAMES.matcher(name).matches()) {
                wrong.add(file + ": names a pattern, not a thing");
            }
        }
        assertEquals(Set.of(), wrong);
    }

    /// Every package says what it is for, and that its types are not null.
    @Test
    void everyPackageIsDescribed() throws IOException {
        var wrong = new TreeSet<String>();
        for (Path file : sources()) {
            Path info = file.resolveSibling("package-info.java");
            Path main = Path.of(info.toString().replace("/src/test/", "/src/main/"));
            boolean described = Stream.of(info, main).anyMatch(ArchitectureTest::isNullMarked);
            if (!described && !file.getFileName().toString().equals("module-info.java")) {
                wrong.add(file.getParent() + " has no package-info.java with @NullMarked");
            }
        }
        assertEquals(Set.of(), wrong);
    }

    private static boolean isNullMarked(Path info) {
        try {
            return Files.exists(info) && Files.readString(info).contains("@NullMarked");
        } catch (IOException e) {
            return false;
        }
    }
}
