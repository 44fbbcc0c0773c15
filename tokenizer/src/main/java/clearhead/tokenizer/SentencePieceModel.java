package clearhead.tokenizer;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/// Reads SentencePiece's `.model` (`sentencepiece_model.proto`) and the vocabulary of llama2.c.
final class SentencePieceModel {

    private SentencePieceModel() {}

    /// A message in protobuf's wire format, read field by field. Lengths are checked before use.
    private static final class Message {
        private final String file;
        private final byte[] bytes;
        private int at;
        private final int end;
        int field;
        private int wire;

        Message(String file, byte[] bytes, int from, int end) {
            this.file = file;
            this.bytes = bytes;
            this.at = from;
            this.end = end;
        }

        boolean next() {
            if (at == end) {
                return false;
            }
            long tag = varint();
            field = (int) (tag >>> 3);
            wire = (int) (tag & 7);
            if (tag >>> 32 != 0 || field == 0) {
                throw broken("a field number");
            }
            return true;
        }

        private TokenizerException broken(String wanted) {
            return new TokenizerException(
                    file + ": not a SentencePiece model: wanted " + wanted + " at byte " + at + " of " + bytes.length);
        }

        private long varint() {
            long value = 0;
            for (int shift = 0; shift < 64; shift += 7) {
                if (at >= end) {
                    throw broken("an integer");
                }
                byte b = bytes[at++];
                value |= (long) (b & 0x7F) << shift;
                if (b >= 0) {
                    return value;
                }
            }
            throw broken("an integer of at most 64 bits");
        }

        long integer() {
            if (wire != 0) {
                throw broken("an integer in field " + field);
            }
            return varint();
        }

        boolean flag() {
            return integer() != 0;
        }

        float real() {
            if (wire != 5 || end - at < 4) {
                throw broken("a float in field " + field);
            }
            at += 4;
            return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getFloat(at - 4);
        }

        Message message() {
            int length = length();
            at += length;
            return new Message(file, bytes, at - length, at);
        }

        byte[] content() {
            int length = length();
            at += length;
            return Arrays.copyOfRange(bytes, at - length, at);
        }

        String text() {
            byte[] content = content();
            if (Utf8.firstInvalid(content) >= 0) {
                throw broken("UTF-8 before");
            }
            return new String(content, StandardCharsets.UTF_8);
        }

        private int length() {
            if (wire != 2) {
                throw broken("a message or text in field " + field);
            }
            long length = varint();
            if (length < 0 || length > end - at) {
                throw broken("at most " + (end - at) + " bytes, not " + length + ",");
            }
            return (int) length;
        }

        void skip() {
            switch (wire) {
                case 0 -> varint();
                case 1 -> advance(8);
                case 2 -> advance(length());
                case 5 -> advance(4);
                default -> throw broken("a field of a known kind");
            }
        }

        private void advance(int count) {
            if (count > end - at) {
                throw broken(count + " more bytes");
            }
            at += count;
        }
    }

    private static final class Settings {
        long type = 1;
        boolean byteFallback;
        boolean spaceLast;
        long bos = 1;
        long eos = 2;
        String unknownText = " \u2047 ";
        boolean firstSpace = true;
        boolean stripSpaces = true;
        boolean escape = true;
        byte[] charsmap = {};

        void trainer(Message spec) {
            while (spec.next()) {
                switch (spec.field) {
                    case 3 -> type = spec.integer();
                    case 24 -> spaceLast = spec.flag();
                    case 35 -> byteFallback = spec.flag();
                    case 41 -> bos = (int) spec.integer();
                    case 42 -> eos = (int) spec.integer();
                    case 44 -> unknownText = spec.text();
                    default -> spec.skip();
                }
            }
        }

        void normalizer(Message spec) {
            while (spec.next()) {
                switch (spec.field) {
                    case 2 -> charsmap = spec.content();
                    case 3 -> firstSpace = spec.flag();
                    case 4 -> stripSpaces = spec.flag();
                    case 5 -> escape = spec.flag();
                    default -> spec.skip();
                }
            }
        }
    }

    static Tokenizer read(String file, byte[] content) {
        var message = new Message(file, content, 0, content.length);
        var settings = new Settings();
        var pieces = new ArrayList<String>();
        var scores = new ArrayList<Float>();
        var types = new ArrayList<Integer>();
        while (message.next()) {
            switch (message.field) {
                case 1 -> {
                    Message piece = message.message();
                    String text = "";
                    float score = 0;
                    long type = 1;
                    while (piece.next()) {
                        switch (piece.field) {
                            case 1 -> text = piece.text();
                            case 2 -> score = piece.real();
                            case 3 -> type = piece.integer();
                            default -> piece.skip();
                        }
                    }
                    if (text.isEmpty() || type < 1 || type > 6) {
                        throw new TokenizerException(file
                                + ": piece "
                                + pieces.size()
                                + ": wanted a text and a type from 1 to 6, found "
                                + Json.quoted(text)
                                + " and "
                                + type);
                    }
                    pieces.add(text);
                    scores.add(score);
                    types.add((int) type);
                }
                case 2 -> settings.trainer(message.message());
                case 3 -> settings.normalizer(message.message());
                default -> message.skip();
            }
        }
        return tokenizer(file, settings, pieces, scores, types);
    }

    private static Tokenizer tokenizer(
            String file, Settings settings, List<String> pieces, List<Float> scores, List<Integer> types) {
        if (settings.type != 1 && settings.type != 2) {
            throw new TokenizerException(file + ": model type: wanted 1 (unigram) or 2 (BPE), found " + settings.type);
        }
        boolean unigram = settings.type == 1;
        if (!unigram && types.contains(GgufVocabulary.UNUSED)) {
            throw new TokenizerException(file + ": pieces of type unused in a BPE model are not supported");
        }
        var all = new float[pieces.size()];
        for (int i = 0; i < all.length; i++) {
            all[i] = scores.get(i);
        }
        int bos = control(settings.bos, types);
        int eos = control(settings.eos, types);
        var normalizer = new SentencePieceNormalizer(
                file,
                settings.firstSpace,
                settings.spaceLast,
                settings.stripSpaces,
                settings.escape,
                settings.charsmap);
        return new SentencePieceTokenizer(new SentencePieceSpec(
                file,
                unigram,
                pieces.toArray(new String[0]),
                all,
                types.stream().mapToInt(type -> type).toArray(),
                normalizer,
                false,
                settings.unknownText,
                new BpeTokenizer.Ends(bos, eos, bos >= 0, false)));
    }

    private static int control(long id, List<Integer> types) {
        return id >= 0 && id < types.size() && types.get((int) id) == GgufVocabulary.CONTROL ? (int) id : -1;
    }

    /// llama2.c's file: the longest length, then score, length and text of each piece, a space for
    /// `▁`. The first three are unknown, beginning and end.
    static Tokenizer readLlama2c(String file, byte[] content) {
        ByteBuffer in = ByteBuffer.wrap(content).order(ByteOrder.LITTLE_ENDIAN);
        var pieces = new ArrayList<String>();
        var scores = new ArrayList<Float>();
        int longest = in.remaining() < 4 ? -1 : in.getInt();
        while (longest > 0 && in.remaining() >= 8) {
            scores.add(in.getFloat());
            int length = in.getInt();
            if (length <= 0 || length > in.remaining() || length > longest + 8) {
                longest = -1;
                break;
            }
            var text = new byte[length];
            in.get(text);
            String piece = Utf8.text(text, 0, length).replace(" ", SentencePieceSpec.SPACE);
            pieces.add(
                    switch (pieces.size()) {
                        case 1 -> "<s>";
                        case 2 -> "</s>";
                        default -> piece;
                    });
        }
        if (longest <= 0 || in.remaining() > 0 || pieces.size() < 259) {
            throw new TokenizerException(file
                    + ": not a vocabulary of llama2.c: wanted at least 259 pieces, each a"
                    + " score, a length and a text; found "
                    + pieces.size()
                    + " and stopped at byte "
                    + in.position()
                    + " of "
                    + content.length);
        }
        var all = new float[pieces.size()];
        for (int i = 0; i < all.length; i++) {
            all[i] = scores.get(i);
        }
        String[] names = pieces.toArray(new String[0]);
        return new SentencePieceTokenizer(new SentencePieceSpec(
                file,
                false,
                names,
                all,
                SentencePieceSpec.usualTypes(names),
                new SentencePieceNormalizer(file, true, false, false, true, new byte[0]),
                false,
                " \u2047 ",
                new BpeTokenizer.Ends(1, 2, true, false)));
    }
}
