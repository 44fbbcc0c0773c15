package clearhead.io;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// How a model lies in several GGUF files: metadata `split.no` (from 0), `split.count` and
/// `split.tensors.count`, and names `NAME-00001-of-00003.gguf`, as llama.cpp's gguf-split writes them.
///
/// @param first the file that was opened
/// @param name what the files' names begin with
/// @param count number of files
record GgufSplit(Path first, String name, int count, Optional<Long> tensors) {
    private static final String NUMBER = "split.no";
    private static final String COUNT = "split.count";
    private static final String TENSORS = "split.tensors.count";
    private static final Pattern NAME = Pattern.compile("(.*)-(\\d{5})-of-(\\d{5})\\.gguf", Pattern.DOTALL);

    /// What a file says of the others; empty if it is whole.
    static Optional<GgufSplit> of(Gguf file) {
        Path path = file.source();
        if (number(file, COUNT).orElse(0L) <= 1) {
            return Optional.empty();
        }
        long count = number(file, COUNT).orElseThrow();
        long number = number(file, NUMBER).orElse(-1L);
        Matcher matcher = NAME.matcher(String.valueOf(path.getFileName()));
        if (!matcher.matches() || count > 99_999 || Integer.parseInt(matcher.group(3)) != count) {
            throw new ModelFileException(
                    path,
                    "it is one of " + count + " files, wanted a name like "
                            + name("NAME", 0, (int) Math.clamp(count, 1, 99_999)) + " as it was split");
        }
        if (number != 0 || Integer.parseInt(matcher.group(2)) != 1) {
            throw new ModelFileException(
                    path,
                    "it is number " + (number + 1) + " of " + count + " files; open "
                            + name(matcher.group(1), 0, (int) count));
        }
        return Optional.of(new GgufSplit(path, matcher.group(1), (int) count, number(file, TENSORS)));
    }

    /// Whether a file by its name is one of several, but not the first.
    static boolean isLater(Path file) {
        Matcher matcher = NAME.matcher(String.valueOf(file.getFileName()));
        return matcher.matches() && Integer.parseInt(matcher.group(2)) != 1;
    }

    private static Optional<Long> number(Gguf file, String key) {
        return Optional.ofNullable(file.values().get(key))
                .filter(value -> !value.array())
                .map(GgufValue::value)
                .filter(Long.class::isInstance)
                .map(Long.class::cast);
    }

    private static String name(String name, int number, int count) {
        return String.format(Locale.ROOT, "%s-%05d-of-%05d.gguf", name, number + 1, count);
    }

    /// The place of part `number`, from 0.
    Path file(int number) {
        Path file = first.resolveSibling(name(name, number, count));
        if (!Files.exists(file)) {
            throw new ModelFileException(
                    first,
                    "is in " + count + " files, and " + file.getFileName() + " is not beside it; download it too");
        }
        return file;
    }

    /// Refuses a file that belongs to another split.
    void requirePart(Gguf file, int number) {
        Map<String, Long> wanted = Map.of(NUMBER, (long) number, COUNT, (long) count);
        wanted.forEach((key, value) -> {
            Optional<Long> found = number(file, key);
            if (!found.equals(Optional.of(value))) {
                throw new ModelFileException(
                        file.source(),
                        key + ": wanted " + value + ", found "
                                + found.map(Object::toString).orElse("none")
                                + "; it is not part of " + first.getFileName());
            }
        });
    }

    /// Refuses tensors that are there twice, or another number of them than the metadata say.
    void requireTensors(List<Checkpoint.Entry> entries) {
        var names = new HashSet<String>();
        for (Checkpoint.Entry entry : entries) {
            if (!names.add(entry.name())) {
                throw new ModelFileException(first, "tensor \"" + entry.name() + "\" is in two of its files");
            }
        }
        if (tensors.isPresent() && tensors.get() != entries.size()) {
            throw new ModelFileException(
                    first, "wanted " + tensors.get() + " tensors in its " + count + " files, found " + entries.size());
        }
    }
}
