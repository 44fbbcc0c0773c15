package clearhead.server;

import clearhead.io.Json;
import clearhead.io.JsonWriter;
import clearhead.tokenizer.Explained;
import clearhead.tokenizer.Special;
import clearhead.tokenizer.Tokenizer;
import clearhead.tokenizer.TokenizerException;
import clearhead.tokenizer.Tokenizers;
import clearhead.view.TokensJson;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/// How texts become ids, with the tokenizers of the models shown and those known by name.
final class TokenRoutes {
    /// Longest text that is taken apart, in characters.
    static final int CHARACTERS = 400_000;

    /// Tokens told in one answer at most.
    private static final int TOLD = 16_384;

    private static final int MOST_TOKENIZERS = 4;
    private static final Map<String, Tokenizer> NAMED = new ConcurrentHashMap<>();

    private static final List<Field> FIELDS = List.of(
            Field.needed("text", Field.Type.TEXT, "the text"),
            Field.needed("tokenizers", Field.Type.TEXTS, "1 to " + MOST_TOKENIZERS + " names, from GET tokenizers"),
            Field.optional(
                    "special",
                    Field.Type.TEXT,
                    "text, the default, or parse: names of special tokens in the text are these tokens"),
            Field.optional("merges", Field.Type.TRUTH, "whether merges are told; default true"),
            Field.optional("from", Field.Type.WHOLE, "token at which to begin; default 0"),
            Field.optional("most", Field.Type.WHOLE, "tokens told; default and most " + TOLD),
            Field.optional("piece", Field.Type.WHOLE, "only the piece of this number"));

    private TokenRoutes() {}

    static List<Route> routes() {
        return List.of(
                Route.get(
                        "tokenizers",
                        "The tokenizers that texts can be taken apart with",
                        List.of(),
                        "{tokenizers: [{name, of_model}]}",
                        TokenRoutes::tokenizers),
                Route.post(
                                "tokens",
                                "How a text becomes ids: pieces, merges, tokens",
                                List.of(),
                                "an object with text and tokenizers, and what else is not the default",
                                "{characters, bytes, tokenizers: [{name, tokenizer, vocab, text (in Unicode's normal"
                                        + " form, where that differs: places count in it), tokens, pieces, first_piece,"
                                        + " first_token, of_pieces}]}",
                                TokenRoutes::tokens)
                        .with(FIELDS));
    }

    private static void tokenizers(Call call) {
        call.json(w -> {
            w.beginObject().name("tokenizers").beginArray();
            var told = new ArrayList<String>();
            for (Hosted hosted : call.site().models()) {
                if (hosted.tokenizer().isPresent()) {
                    told.add(hosted.name());
                    w.beginObject()
                            .field("name", hosted.name())
                            .field("of_model", true)
                            .endObject();
                }
            }
            for (String name : Tokenizers.names()) {
                if (!told.contains(name)) {
                    w.beginObject().field("name", name).field("of_model", false).endObject();
                }
            }
            w.endArray().endObject();
        });
    }

    private static Tokenizer tokenizer(Site site, String name) {
        for (Hosted hosted : site.models()) {
            if (hosted.name().equals(name) && hosted.tokenizer().isPresent()) {
                return hosted.tokenizer().get();
            }
        }
        if (!Tokenizers.names().contains(name)) {
            throw Refusal.of(
                    404, "unknown_tokenizer", "There is no tokenizer of that name here.", "GET tokenizers lists them.");
        }
        try {
            return NAMED.computeIfAbsent(name, Tokenizers::named);
        } catch (TokenizerException e) {
            throw Refusal.bad(String.valueOf(e.getMessage()), "Take another tokenizer.");
        }
    }

    private static void tokens(Call call) throws IOException {
        Json.Obj body = call.body();
        String text = body.text("text");
        if (text.length() > CHARACTERS) {
            throw Refusal.of(
                    413,
                    "too_long",
                    "The text has " + text.length() + " characters; at most " + CHARACTERS + " are taken apart.",
                    "Take a shorter text; the command line (clearhead tokens --file) has no such limit.");
        }
        List<String> names = body.array("tokenizers").texts();
        if (names.isEmpty() || names.size() > MOST_TOKENIZERS) {
            throw Refusal.bad("tokenizers has " + names.size() + " names.", "Give 1 to " + MOST_TOKENIZERS + " names.");
        }
        Special special = switch (body.text("special", "text")) {
            case "text" -> Special.TEXT;
            case "parse" -> Special.PARSE;
            default -> throw Refusal.bad("special is neither text nor parse.", "Give text or parse.");
        };
        boolean merges = body.bool("merges", true);
        int from = TryRoutes.within("from", body.integer("from", 0), 0, Integer.MAX_VALUE);
        int most = TryRoutes.within("most", body.integer("most", TOLD), 1, TOLD);
        int piece = TryRoutes.within("piece", body.integer("piece", -1), -1, Integer.MAX_VALUE);
        List<Tokenizer> tokenizers =
                names.stream().map(name -> tokenizer(call.site(), name)).toList();
        call.json(w -> {
            w.beginObject().field("characters", text.codePointCount(0, text.length()));
            w.field("bytes", text.getBytes(StandardCharsets.UTF_8).length);
            w.name("tokenizers").beginArray();
            for (int n = 0; n < names.size(); n++) {
                w.beginObject().field("name", names.get(n));
                explained(w, tokenizers.get(n), text, special, merges, from, most, piece);
                w.endObject();
            }
            w.endArray().endObject();
        });
    }

    private static void explained(
            JsonWriter w,
            Tokenizer tokenizer,
            String text,
            Special special,
            boolean merges,
            int from,
            int most,
            int only) {
        Explained explained = tokenizer.explain(text, special);
        List<Explained.Piece> pieces = explained.pieces();
        w.field("tokenizer", tokenizer.name()).field("vocab", tokenizer.size());
        if (!explained.text().equals(text)) {
            w.field("text", explained.text());
        }
        w.name("pieces").beginArray();
        int tokens = 0;
        int firstPiece = -1;
        int firstToken = 0;
        for (int p = 0; p < pieces.size(); p++) {
            Explained.Piece piece = pieces.get(p);
            int end = tokens + piece.tokens().size();
            boolean told = only >= 0 ? p == only : (end > from && tokens < (long) from + most);
            if (told) {
                if (firstPiece < 0) {
                    firstPiece = p;
                    firstToken = tokens;
                }
                TokensJson.piece(w, piece, 0, merges);
            }
            tokens = end;
        }
        w.endArray().field("tokens", tokens).field("of_pieces", pieces.size());
        w.field("first_piece", Math.max(0, firstPiece)).field("first_token", firstToken);
    }
}
