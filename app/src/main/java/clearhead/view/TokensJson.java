package clearhead.view;

import clearhead.io.JsonWriter;
import clearhead.tokenizer.Explained;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Locale;

/// How a text became ids, as JSON: the schema is in docs/json.md.
public final class TokensJson {
    private TokensJson() {}

    /// One piece with its merges and tokens.
    ///
    /// @param before bytes of the input before the part that the piece's places count from
    /// @param merges whether the symbols it started from and the merges are told
    public static void piece(JsonWriter json, Explained.Piece piece, long before, boolean merges) {
        json.beginObject().field("kind", piece.kind().name().toLowerCase(Locale.ROOT));
        json.field("byte_start", before + piece.byteStart());
        json.field("byte_end", before + piece.byteEnd());
        json.field("text", new String(piece.bytes(), StandardCharsets.UTF_8));
        json.field("bytes", hex(piece.bytes())).field("whole", piece.whole());
        if (merges) {
            json.name("parts").value(piece.parts().stream().map(TokensJson::hex).toList());
            json.name("merges").beginArray();
            for (Explained.Merge m : piece.merges()) {
                json.beginObject().field("at", m.at()).field("left", hex(m.left()));
                json.field("right", hex(m.right()))
                        .field("rank", m.rank())
                        .field("id", m.id())
                        .endObject();
            }
            json.endArray();
        }
        json.name("tokens").beginArray();
        for (Explained.Token t : piece.tokens()) {
            json.beginObject().field("id", t.id()).field("name", t.name());
            json.field("text", new String(t.bytes(), StandardCharsets.UTF_8));
            json.field("bytes", hex(t.bytes())).field("special", t.special());
            json.field("byte_start", before + t.byteStart());
            json.field("byte_end", before + t.byteEnd()).endObject();
        }
        json.endArray().endObject();
    }

    private static String hex(byte[] bytes) {
        return HexFormat.of().formatHex(bytes);
    }
}
