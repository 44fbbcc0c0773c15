package clearhead.tokenizer;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/// The metadata of a well-formed GGUF, for tests only; the library's reader is elsewhere.
final class GgufFile {

    private GgufFile() {}

    static Map<String, Object> metadata(Path file) throws IOException {
        ByteBuffer in = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        in.position(16);
        long count = in.getLong();
        var metadata = new LinkedHashMap<String, Object>();
        for (long i = 0; i < count; i++) {
            String key = text(in);
            metadata.put(key, value(in, in.getInt()));
        }
        return metadata;
    }

    private static String text(ByteBuffer in) {
        var bytes = new byte[Math.toIntExact(in.getLong())];
        in.get(bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private static Object value(ByteBuffer in, int type) {
        return switch (type) {
            case 0, 1 -> (int) in.get();
            case 2, 3 -> (int) in.getShort();
            case 4, 5 -> in.getInt();
            case 6 -> in.getFloat();
            case 7 -> in.get() != 0;
            case 8 -> text(in);
            case 9 -> {
                int of = in.getInt();
                var list = new Object[Math.toIntExact(in.getLong())];
                for (int i = 0; i < list.length; i++) {
                    list[i] = value(in, of);
                }
                yield list;
            }
            case 10, 11 -> in.getLong();
            case 12 -> in.getDouble();
            default -> throw new IllegalArgumentException("type " + type);
        };
    }
}
