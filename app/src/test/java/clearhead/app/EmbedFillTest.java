package clearhead.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.io.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// `embed` and `fill` with a random BERT of the golden files, which gets a vocabulary of its own here.
class EmbedFillTest {
    @TempDir
    @SuppressWarnings("NullAway.Init")
    private static Path temporary;

    private static String model = "";

    @BeforeAll
    static void aModelWithAVocabulary() throws IOException {
        Path golden = Path.of(System.getProperty("root", ".."), "core/src/test/resources/golden/encoder/bert");
        Path folder = Files.createDirectories(temporary.resolve("bert"));
        for (String file : List.of("config.json", "model.safetensors")) {
            Files.copy(golden.resolve(file), folder.resolve(file));
        }
        int vocab = Json.readObject(folder.resolve("config.json")).integer("vocab_size");
        var words = new StringBuilder();
        List<String> first = List.of("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "dog", "sits");
        for (int id = 0; id < vocab; id++) {
            String word = id < first.size() ? first.get(id) : "w" + id;
            words.append(id == 0 ? "" : ",")
                    .append('"')
                    .append(word)
                    .append("\":")
                    .append(id);
        }
        var added = new StringBuilder();
        for (int id = 0; id < 5; id++) {
            added.append(id == 0 ? "" : ",").append(String.format(Locale.ROOT, """
                {"id":%d,"special":true,"content":"%s","single_word":false,"lstrip":false,"rstrip":false,
                 "normalized":false}\
                """, id, first.get(id)));
        }
        Files.writeString(folder.resolve("tokenizer.json"), """
            {"version":"1.0","added_tokens":[%s],"normalizer":{"type":"BertNormalizer","clean_text":true,
             "handle_chinese_chars":true,"strip_accents":null,"lowercase":true},
             "pre_tokenizer":{"type":"BertPreTokenizer"},
             "post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"[CLS]","type_id":0}},
             {"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"[SEP]","type_id":0}}],"pair":[],
             "special_tokens":{"[CLS]":{"id":"[CLS]","ids":[2],"tokens":["[CLS]"]},
             "[SEP]":{"id":"[SEP]","ids":[3],"tokens":["[SEP]"]}}},"decoder":{"type":"WordPiece","prefix":"##",
             "cleanup":true},"model":{"type":"WordPiece","unk_token":"[UNK]","continuing_subword_prefix":"##",
             "max_input_chars_per_word":100,"vocab":{%s}}}\
            """.formatted(added, words));
        model = folder.toString();
    }

    @Test
    void textsBecomeVectors() {
        Cli run = Cli.run("embed", "-m", model, "--similar", "--json", "-", "the cat sits", "the dog sits", "w20");
        assertEquals(0, run.code(), run.err());
        assertTrue(run.err().contains("does not say how it pools"), run.err());
        Json.Obj json = Json.parseObject("output", run.out());
        assertEquals("mean", json.text("pooling"));
        Json.Obj first = json.array("texts").object(0);
        assertEquals(
                List.of(2, 5, 6, 8, 3),
                java.util.Arrays.stream(first.array("ids").integers()).boxed().toList());
        double[] vector = first.array("vector").reals();
        assertEquals(1, java.util.Arrays.stream(vector).map(x -> x * x).sum(), 1e-6);
        assertEquals(1, json.array("cosines").array(1).real(1), 1e-9);
    }

    @Test
    void aFolderSaysHowItPools() throws IOException {
        Path modules = Path.of(model).resolve("modules.json");
        Path pooling =
                Files.createDirectories(Path.of(model).resolve("1_Pooling")).resolve("config.json");
        Path length = Path.of(model).resolve("sentence_bert_config.json");
        try {
            Files.writeString(modules, """
                [{"idx":0,"name":"0","path":"","type":"sentence_transformers.models.Transformer"},
                 {"idx":1,"name":"1","path":"1_Pooling","type":"sentence_transformers.models.Pooling"}]\
                """);
            Files.writeString(pooling, "{\"pooling_mode_cls_token\": true, \"pooling_mode_mean_tokens\": false}");
            Files.writeString(length, "{\"max_seq_length\": 4}");
            Cli run = Cli.run("embed", "-m", model, "--json", "-", "cat");
            assertEquals(0, run.code(), run.err());
            assertEquals("", run.err());
            Json.Obj json = Json.parseObject("output", run.out());
            assertEquals("cls", json.text("pooling"));
            assertEquals(false, json.bool("normalized"));
            Cli long_ = Cli.run("embed", "-m", model, "the cat sits");
            assertEquals(1, long_.code());
            assertTrue(long_.err().contains("has 5 tokens, model bert takes 4"), long_.err());
            Cli cut = Cli.run("embed", "-m", model, "--truncate", "--json", "-", "the cat sits");
            assertEquals(
                    List.of(2L, 5L, 6L, 3L),
                    java.util.Arrays.stream(Json.parseObject("output", cut.out())
                                    .array("texts")
                                    .object(0)
                                    .array("ids")
                                    .integers())
                            .mapToObj(id -> (long) id)
                            .toList());
        } finally {
            Files.delete(modules);
            Files.delete(pooling);
            Files.delete(length);
            Files.delete(pooling.getParent());
        }
    }

    @Test
    void blanksAreFilled() {
        Cli run = Cli.run("fill", "-m", model, "--top", "3", "--json", "-", "the [MASK] sits [MASK]");
        assertEquals(0, run.code(), run.err());
        Json.Arr blanks = Json.parseObject("output", run.out()).array("blanks");
        assertEquals(2, blanks.size());
        assertEquals(2, blanks.object(0).integer("position"));
        assertEquals(4, blanks.object(1).integer("position"));
        Json.Arr top = blanks.object(0).array("top");
        assertEquals(3, top.size());
        assertTrue(top.object(0).real("probability") >= top.object(1).real("probability"));
        assertTrue(Cli.run("fill", "-m", model, "the [MASK]").out().contains("`[MASK]`"));
    }

    @Test
    void whatCannotBeSaysWhy() {
        Cli none = Cli.run("fill", "-m", model, "the cat");
        assertEquals(1, none.code());
        assertTrue(none.err().contains("put [MASK] where"), none.err());
        for (String command : List.of("generate", "predict", "lens")) {
            Cli refused = Cli.run(command, "-m", model, "the cat");
            assertEquals(1, refused.code(), command);
            assertTrue(refused.err().contains("use embed or fill"), refused.err());
        }
        assertEquals(2, Cli.run("embed", "-m", model, " ").code());
        assertEquals(
                2, Cli.run("embed", "-m", model, "--pooling", "meen", "cat").code());
    }

    /// Tokens see each other in both directions: the first row has a weight for every token.
    @Test
    void attentionIsSeenWhole() {
        Cli run = Cli.run("attend", "-m", model, "--layer", "0", "--head", "0", "--json", "-", "the cat sits");
        assertEquals(0, run.code(), run.err());
        Json.Obj json = Json.parseObject("output", run.out());
        double[] row = json.array("pattern").array(0).reals();
        assertEquals(5, row.length);
        assertEquals(1, java.util.Arrays.stream(row).sum(), 1e-6);
        assertEquals(0, json.array("next").size());
        assertEquals(0, Cli.run("heads", "-m", model, "the cat sits").code());
    }
}
