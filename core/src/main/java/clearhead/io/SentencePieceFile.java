package clearhead.io;

import clearhead.io.GgufValue.Type;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// A SentencePiece BPE vocabulary on its way between a `.model` file (protobuf `ModelProto`), the
/// metadata of a GGUF and llama2.c's `tok….bin`. Only what all three know: pieces, scores, types, and
/// whether text gets a space in front. Rules of normalisation do not survive in a GGUF.
///
/// @param pieces with `▁` for the space
/// @param types as GGUF and SentencePiece number them alike: 1 normal, 2 unknown, 3 control, 4 user
///     defined, 5 unused, 6 byte
public record SentencePieceFile(List<String> pieces, float[] scores, int[] types, boolean addPrefix) {
    private static final long MAX_BYTES = 64L << 20;
    private static final int MAX_PIECE = 1 << 16;
    private static final char SPACE = '▁';
    private static final int BPE = 2;

    /// Reads a `.model` file.
    public static SentencePieceFile read(Path file) {
        var reader = new Proto(file, bytes(file));
        List<String> pieces = new ArrayList<>();
        List<Float> scores = new ArrayList<>();
        List<Integer> types = new ArrayList<>();
        boolean addPrefix = true;
        while (reader.next()) {
            if (reader.field == 1 && reader.wire == 2) {
                Proto piece = reader.message();
                String text = "";
                float score = 0;
                int type = 1;
                while (piece.next()) {
                    switch (piece.field) {
                        case 1 -> text = piece.text();
                        case 2 -> score = piece.real();
                        case 3 -> type = (int) piece.varint();
                        default -> piece.skip();
                    }
                }
                pieces.add(text);
                scores.add(score);
                types.add(type);
            } else if (reader.field == 2 && reader.wire == 2) {
                requireBpe(file, reader.message());
            } else if (reader.field == 3 && reader.wire == 2) {
                addPrefix = addsPrefix(reader.message());
            } else {
                reader.skip();
            }
        }
        if (pieces.isEmpty()) {
            throw new ModelFileException(file, "wanted a SentencePiece model, found no pieces");
        }
        return of(pieces, scores, types, addPrefix);
    }

    private static SentencePieceFile of(
            List<String> pieces, List<Float> scores, List<Integer> types, boolean addPrefix) {
        var values = new float[scores.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = scores.get(i);
        }
        int[] kinds = types.stream().mapToInt(Integer::intValue).toArray();
        return new SentencePieceFile(List.copyOf(pieces), values, kinds, addPrefix);
    }

    private static void requireBpe(Path file, Proto trainer) {
        long model = 1;
        while (trainer.next()) {
            if (trainer.field == 3 && trainer.wire == 0) {
                model = trainer.varint();
            } else {
                trainer.skip();
            }
        }
        if (model != BPE) {
            throw new ModelFileException(file, "wanted a SentencePiece model of type 2 (BPE), found type " + model);
        }
    }

    private static boolean addsPrefix(Proto normalizer) {
        boolean adds = true;
        while (normalizer.next()) {
            if (normalizer.field == 3 && normalizer.wire == 0) {
                adds = normalizer.varint() != 0;
            } else {
                normalizer.skip();
            }
        }
        return adds;
    }

    /// Reads llama2.c's `tok512.bin`: the longest length, then score, length and bytes of each token.
    public static SentencePieceFile readLlama2c(Path file) {
        ByteBuffer bytes = ByteBuffer.wrap(bytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        List<String> pieces = new ArrayList<>();
        List<Float> scores = new ArrayList<>();
        List<Integer> types = new ArrayList<>();
        if (bytes.remaining() < 4) {
            throw new ModelFileException(file, "is too short for a llama2.c tokenizer");
        }
        bytes.getInt();
        while (bytes.hasRemaining()) {
            if (bytes.remaining() < 8) {
                throw new ModelFileException(file, "ends inside a token; the file is cut short");
            }
            float score = bytes.getFloat();
            int length = bytes.getInt();
            if (length < 0 || length > bytes.remaining()) {
                throw new ModelFileException(
                        file,
                        "token " + pieces.size() + ": wanted " + length + " bytes, found " + bytes.remaining()
                                + "; this is no llama2.c tokenizer");
            }
            byte[] text = new byte[length];
            bytes.get(text);
            int id = pieces.size();
            String piece = new String(text, StandardCharsets.UTF_8);
            boolean control = id == 1 || id == 2;
            pieces.add(control ? piece.strip() : piece.replace(' ', SPACE));
            scores.add(score);
            boolean isByte = piece.matches("<0x[0-9A-F]{2}>");
            types.add(id == 0 ? 2 : control ? 3 : isByte ? 6 : 1);
        }
        return of(pieces, scores, types, true);
    }

    /// The vocabulary of a GGUF whose `tokenizer.ggml.model` is `llama`.
    public static SentencePieceFile of(Gguf gguf) {
        Map<String, Object> metadata = gguf.metadata();
        Object tokens = metadata.get("tokenizer.ggml.tokens");
        Object scores = metadata.get("tokenizer.ggml.scores");
        Object types = metadata.get("tokenizer.ggml.token_type");
        if (!"llama".equals(metadata.get("tokenizer.ggml.model"))
                || !(tokens instanceof List<?> list)
                || !(scores instanceof float[] values)
                || !(types instanceof int[] kinds)
                || values.length != list.size()
                || kinds.length != list.size()) {
            throw new ModelFileException(gguf.source(), "wanted a SentencePiece vocabulary, found another");
        }
        boolean addPrefix = !Boolean.FALSE.equals(metadata.get("tokenizer.ggml.add_space_prefix"));
        return new SentencePieceFile(list.stream().map(String.class::cast).toList(), values, kinds, addPrefix);
    }

    /// The metadata of a GGUF, without the ids of special tokens.
    public Map<String, GgufValue> toGguf() {
        Map<String, GgufValue> values = new LinkedHashMap<>();
        values.put("tokenizer.ggml.model", GgufValue.text("llama"));
        values.put("tokenizer.ggml.pre", GgufValue.text("default"));
        values.put("tokenizer.ggml.tokens", GgufValue.texts(pieces));
        values.put("tokenizer.ggml.scores", GgufValue.floats(scores));
        values.put("tokenizer.ggml.token_type", new GgufValue(Type.I32, true, types.clone()));
        for (int id = 0; id < types.length; id++) {
            if (types[id] == 2) {
                values.put("tokenizer.ggml.unknown_token_id", GgufValue.u32(id));
            }
        }
        values.put("tokenizer.ggml.add_bos_token", GgufValue.bool(true));
        values.put("tokenizer.ggml.add_space_prefix", GgufValue.bool(addPrefix));
        return values;
    }

    /// Writes a `.model` file that SentencePiece reads.
    public void write(Path file) {
        var model = new ProtoOut();
        for (int id = 0; id < pieces.size(); id++) {
            var piece = new ProtoOut();
            piece.bytes(1, pieces.get(id).getBytes(StandardCharsets.UTF_8));
            piece.real(2, scores[id]);
            piece.integer(3, types[id]);
            model.bytes(1, piece.toByteArray());
        }
        boolean byteFallback = Arrays.stream(types).anyMatch(type -> type == 6);
        var trainer = new ProtoOut();
        trainer.integer(3, BPE);
        trainer.integer(4, pieces.size());
        trainer.integer(35, byteFallback ? 1 : 0);
        model.bytes(2, trainer.toByteArray());
        var normalizer = new ProtoOut();
        normalizer.bytes(1, "identity".getBytes(StandardCharsets.UTF_8));
        normalizer.integer(3, addPrefix ? 1 : 0);
        normalizer.integer(4, 0); // extra spaces stay
        normalizer.integer(5, 1);
        model.bytes(3, normalizer.toByteArray());
        AtomicFile.write(file, stream -> stream.write(model.toByteArray()));
    }

    private static byte[] bytes(Path file) {
        try {
            if (Files.size(file) > MAX_BYTES) {
                throw new ModelFileException(file, "wanted at most " + MAX_BYTES + " bytes of vocabulary");
            }
            return Files.readAllBytes(file);
        } catch (IOException e) {
            throw new ModelFileException(file, "cannot be read: " + MappedFile.reason(e), e);
        }
    }

    /// Fields of one protobuf message.
    private static final class Proto {
        private final Path file;
        private final ByteBuffer bytes;
        private int field;
        private int wire;

        Proto(Path file, byte[] bytes) {
            this(file, ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN));
        }

        private Proto(Path file, ByteBuffer bytes) {
            this.file = file;
            this.bytes = bytes;
        }

        boolean next() {
            if (!bytes.hasRemaining()) {
                return false;
            }
            long tag = varint();
            field = (int) (tag >>> 3);
            wire = (int) (tag & 7);
            return true;
        }

        long varint() {
            long value = 0;
            for (int shift = 0; shift < 64; shift += 7) {
                require(1);
                byte b = bytes.get();
                value |= (long) (b & 0x7f) << shift;
                if (b >= 0) {
                    return value;
                }
            }
            throw damaged();
        }

        float real() {
            require(wire == 5 ? 4 : Integer.MAX_VALUE);
            return bytes.getFloat();
        }

        Proto message() {
            long length = wire == 2 ? varint() : -1;
            if (length < 0 || length > bytes.remaining()) {
                throw damaged();
            }
            ByteBuffer part = bytes.slice(bytes.position(), (int) length);
            bytes.position(bytes.position() + (int) length);
            return new Proto(file, part.order(ByteOrder.LITTLE_ENDIAN));
        }

        String text() {
            ByteBuffer part = message().bytes;
            if (part.remaining() > MAX_PIECE) {
                throw damaged();
            }
            return StandardCharsets.UTF_8.decode(part).toString();
        }

        void skip() {
            switch (wire) {
                case 0 -> varint();
                case 1 -> advance(8);
                case 2 -> message();
                case 5 -> advance(4);
                default -> throw damaged();
            }
        }

        private void advance(int count) {
            require(count);
            bytes.position(bytes.position() + count);
        }

        private void require(int count) {
            if (bytes.remaining() < count) {
                throw damaged();
            }
        }

        private ModelFileException damaged() {
            return new ModelFileException(file, "is no SentencePiece model, or it is cut short or damaged");
        }
    }

    /// Writes fields of one protobuf message.
    private static final class ProtoOut extends ByteArrayOutputStream {
        void integer(int field, long value) {
            varint((long) field << 3);
            varint(value);
        }

        void real(int field, float value) {
            varint((long) field << 3 | 5);
            int bits = Float.floatToRawIntBits(value);
            for (int shift = 0; shift < 32; shift += 8) {
                write(bits >>> shift);
            }
        }

        void bytes(int field, byte[] value) {
            varint((long) field << 3 | 2);
            varint(value.length);
            writeBytes(value);
        }

        private void varint(long value) {
            long rest = value;
            while ((rest & ~0x7fL) != 0) {
                write((int) (rest & 0x7f | 0x80));
                rest >>>= 7;
            }
            write((int) rest);
        }
    }
}
