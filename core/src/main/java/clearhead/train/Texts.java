package clearhead.train;

import clearhead.io.ModelFileException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/// Text files as the documents that a model learns from.
final class Texts {
    private Texts() {}

    /// Hexadecimal digits of a file's SHA-256.
    static String sha256(Path file) {
        return sha256(bytes(file));
    }

    /// Hexadecimal digits of the SHA-256 of a text in UTF-8.
    static String sha256(String text) {
        return sha256(text.getBytes(StandardCharsets.UTF_8));
    }

    private static String sha256(byte[] bytes) {
        try {
            var digest = MessageDigest.getInstance("SHA-256");
            return HexFormat.of().formatHex(digest.digest(bytes));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("this JDK has no SHA-256", e);
        }
    }

    private static byte[] bytes(Path file) {
        try {
            return Files.readAllBytes(file);
        } catch (NoSuchFileException e) {
            throw new ModelFileException(file, "there is no such file", e);
        } catch (IOException e) {
            throw new ModelFileException(file, "cannot be read: " + e.getMessage(), e);
        }
    }

    /// The cleaned documents of one text, none of them empty.
    static List<String> documents(Path folder, Recipe.Text text) {
        Path file = folder.resolve(text.file());
        String whole = cut(file, text, decode(file));
        String[] parts = text.split().isEmpty() ? new String[] {whole} : whole.split(text.split());
        var documents = new ArrayList<String>();
        for (String part : parts) {
            for (Recipe.Rule rule : text.clean()) {
                part = rule.find().matcher(part).replaceAll(rule.replace());
            }
            part = part.strip();
            if (!part.isEmpty()) {
                documents.add(part);
            }
        }
        return documents;
    }

    private static String decode(Path file) {
        try {
            return StandardCharsets.UTF_8
                    .newDecoder()
                    .decode(ByteBuffer.wrap(bytes(file)))
                    .toString();
        } catch (CharacterCodingException e) {
            throw new ModelFileException(file, "wanted text in UTF-8, found other bytes", e);
        }
    }

    private static String cut(Path file, Recipe.Text text, String whole) {
        int from = 0;
        int to = whole.length();
        if (!text.begin().isEmpty()) {
            from = whole.indexOf(text.begin());
            if (from < 0) {
                throw new ModelFileException(file, "does not hold \"" + text.begin() + "\", where its text begins");
            }
        }
        if (!text.end().isEmpty()) {
            to = whole.lastIndexOf(text.end());
            if (to < from) {
                throw new ModelFileException(file, "does not hold \"" + text.end() + "\", where its text ends");
            }
        }
        return whole.substring(from, to);
    }
}
