package clearhead.hub;

import clearhead.io.ModelFileException;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Set;

/// Which names from a server or a user may become paths below the cache: relative ones of plain parts. Nothing that
/// leads
/// out of the folder, on any system, and nothing that a terminal or a log could take for something else.
final class PathRule {
    private static final int LONGEST_PART = 240; // file systems allow 255 bytes; the cache adds an ending
    private static final int LONGEST = 1000;
    private static final String NOT_IN_PARTS = "\\:*?\"<>|";
    private static final Set<String> DEVICES = Set.of("con", "prn", "aux", "nul");

    private PathRule() {}

    /// @param source who named it, for the message
    /// @throws ModelFileException if the path is none of ours
    static void require(String source, String path) {
        String problem = problem(path);
        if (!problem.isEmpty()) {
            throw new ModelFileException(
                    source,
                    "refuses the file name \"" + shown(path) + "\": " + problem + "; nothing was written for it");
        }
    }

    /// What is wrong with it; empty if nothing is.
    static String problem(String path) {
        if (path.isEmpty()) {
            return "it is empty";
        }
        if (path.length() > LONGEST) {
            return "it has " + path.length() + " characters, at most " + LONGEST + " are taken";
        }
        for (String part : path.split("/", -1)) {
            String problem = partProblem(part);
            if (!problem.isEmpty()) {
                return problem;
            }
        }
        return "";
    }

    private static String partProblem(String part) {
        if (part.isEmpty()) {
            return "it begins or ends with a slash, or has two in a row";
        }
        if (part.equals(".") || part.equals("..")) {
            return "it has a part \"" + part + '"';
        }
        if (part.getBytes(StandardCharsets.UTF_8).length > LONGEST_PART) {
            return "a part of it is longer than " + LONGEST_PART + " bytes";
        }
        if (part.endsWith(".") || part.endsWith(" ")) {
            return "a part of it ends with a dot or a space";
        }
        if (DEVICES.contains(part.toLowerCase(Locale.ROOT).replaceFirst("\\..*", ""))) {
            return "a part of it is the name of a device";
        }
        int bad = part.codePoints().filter(PathRule::isForbidden).findFirst().orElse(-1);
        return bad < 0 ? "" : String.format(Locale.ROOT, "it holds the character U+%04X", bad);
    }

    private static boolean isForbidden(int c) {
        int type = Character.getType(c);
        return NOT_IN_PARTS.indexOf(c) >= 0
                || type == Character.CONTROL
                || type == Character.FORMAT
                || type == Character.SURROGATE
                || type == Character.LINE_SEPARATOR
                || type == Character.PARAGRAPH_SEPARATOR;
    }

    private static String shown(String path) {
        String cut = path.length() > 120 ? path.substring(0, 120) + "…" : path;
        var clean = new StringBuilder();
        cut.codePoints().forEach(c -> clean.appendCodePoint(isForbidden(c) && c != '\\' && c != ':' ? '?' : c));
        return clean.toString();
    }
}
