package clearhead.app;

import clearhead.io.Gguf;
import clearhead.io.JsonWriter;
import clearhead.tokenizer.Tokenizer;
import clearhead.tokenizer.Tokenizers;
import java.io.BufferedInputStream;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "tokens",
        mixinStandardHelpOptions = true,
        description = {
            "Shows how a text becomes token ids: characters, bytes, pre-tokens, merges, ids.",
            "",
            "Without --bytes, --merges or --ids it lists the pre-tokens and their tokens. The text must be"
                    + " UTF-8; only --ids takes other bytes, where the vocabulary is byte-level and"
                    + " keeps them."
        })
final class TokensCommand implements Callable<Integer> {
    @Parameters(arity = "0..1", paramLabel = "TEXT", description = "The text; - for standard input.")
    private Optional<String> text = Optional.empty();

    @Option(names = "--file", paramLabel = "F", description = "Read the text from a file.")
    private Optional<Path> file = Optional.empty();

    @Option(
            names = {"-t", "--tokenizer"},
            paramLabel = "NAME|FILE",
            description = "A name (cl100k_base, o200k_base, p50k_base, r50k_base, gpt2), or a"
                    + " tokenizer.json, SentencePiece .model, .tiktoken, .gguf file or a folder. Default:"
                    + " the bundled model's own.")
    private Optional<String> tokenizer = Optional.empty();

    @Option(
            names = {"-m", "--model"},
            paramLabel = "M",
            description = "Use the vocabulary of a model. Its weights are not read.")
    private Optional<String> model = Optional.empty();

    @Option(names = "--bytes", description = "List characters with their code points and UTF-8 bytes in hex and bits.")
    private boolean bytes;

    @Option(names = "--merges", description = "List the merges of each pre-token in order, with their ranks.")
    private boolean merges;

    @Option(names = "--ids", description = "Print only the ids, separated by spaces, one line an input.")
    private boolean ids;

    @Option(
            names = "--delimiter",
            paramLabel = "S",
            description = "Split the input at S into several; \\n, \\t and \\\\ mean what they mean in C,"
                    + " and one S at the very end begins no empty input."
                    + " Without it, all of the input is one.")
    private Optional<String> delimiter = Optional.empty();

    @Option(
            names = "--special",
            paramLabel = "text|add|parse|both",
            defaultValue = "text",
            description = "text: special tokens written in the text are text. parse: they are these"
                    + " tokens. add: put beginning and end tokens where the vocabulary asks for them."
                    + " both: parse and add. Default: ${DEFAULT-VALUE}.")
    private TextOption.Tokens special = TextOption.Tokens.text;

    @Option(
            names = "--json",
            paramLabel = "FILE",
            description = "Write everything (docs/json.md); - for standard output.")
    private Optional<String> json = Optional.empty();

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        if (text.isPresent() && file.isPresent()) {
            throw new UsageException("give TEXT or --file, not both");
        }
        if (text.isEmpty() && file.isEmpty()) {
            throw new UsageException("give a TEXT, - for standard input, or --file F");
        }
        PrintWriter out = spec.commandLine().getOut();
        Tokenizer vocabulary = vocabulary();
        // What these vocabularies do to a text on one side of a safe cut does not depend on the other.
        boolean cut = Tokenizers.names().contains(vocabulary.name());
        Optional<Destination> to = json.map(Destination::new);
        boolean quiet = to.filter(Destination::isStandardOutput).isPresent();
        if (!quiet) {
            TokensView view = ids
                    ? new TokensView.Ids(
                            out,
                            vocabulary,
                            special.tokens,
                            source(),
                            spec.commandLine().getErr())
                    : new TokensView.Table(
                            out,
                            vocabulary,
                            special.tokens,
                            source(),
                            bytes,
                            merges,
                            Heat.of(Terminal.current().color(), System.getenv()));
            read(view, cut);
        }
        if (to.isPresent()) {
            to.get().write(out, writer -> {
                try (var document = JsonWriter.to(writer, true)) {
                    read(new TokensView.Document(document, vocabulary, special.tokens, source()), cut);
                }
            });
        }
        return 0;
    }

    private void read(TokensView view, boolean cut) throws IOException {
        try (InputStream in = open()) {
            view.begin();
            new Inputs(in, delimiter.map(TokensCommand::unescaped), cut).forEach(view);
            view.end();
        }
    }

    private String source() {
        if (file.isPresent()) {
            return file.get().toString();
        }
        return text.orElse("").equals("-") ? "standard input" : "the text";
    }

    private InputStream open() throws IOException {
        if (file.isPresent()) {
            if (!Files.isRegularFile(file.get())) {
                throw new NoSuchFileException(file.get().toString());
            }
            return new BufferedInputStream(Files.newInputStream(file.get()));
        }
        if (text.orElse("").equals("-")) {
            return System.in;
        }
        return new ByteArrayInputStream(text.orElse("").getBytes(StandardCharsets.UTF_8));
    }

    private static byte[] unescaped(String delimiter) {
        if (delimiter.isEmpty()) {
            throw new UsageException("--delimiter wants at least one character");
        }
        var out = new StringBuilder();
        for (int i = 0; i < delimiter.length(); i++) {
            char c = delimiter.charAt(i);
            if (c != '\\' || i + 1 == delimiter.length()) {
                out.append(c);
                continue;
            }
            char next = delimiter.charAt(++i);
            switch (next) {
                case 'n' -> out.append('\n');
                case 'r' -> out.append('\r');
                case 't' -> out.append('\t');
                case '0' -> out.append('\0');
                case '\\' -> out.append('\\');
                default -> out.append(c).append(next);
            }
        }
        return out.toString().getBytes(StandardCharsets.UTF_8);
    }

    private Tokenizer vocabulary() {
        if (tokenizer.isPresent() && model.isPresent()) {
            throw new UsageException("give --tokenizer or --model, not both");
        }
        if (tokenizer.isEmpty()) {
            return ofModel(OpenModel.find(model.orElse(ModelOption.BUNDLED)));
        }
        String name = tokenizer.get();
        if (Tokenizers.names().contains(name.toLowerCase(Locale.ROOT))) {
            return Tokenizers.named(name);
        }
        Path path = Path.of(name);
        if (Files.exists(path)) {
            return ofModel(path);
        }
        if (Files.isDirectory(Home.models().resolve(name))) {
            return Tokenizers.file(Home.models().resolve(name));
        }
        throw new UsageException("no tokenizer \"" + name + "\": neither a file nor a name"
                + Nearest.hint(name, List.copyOf(Tokenizers.names())));
    }

    private static Tokenizer ofModel(Path path) {
        String file = String.valueOf(path.getFileName());
        if (file.endsWith(".gguf")) {
            try (var gguf = Gguf.open(path)) {
                return Tokenizers.gguf(gguf.metadata());
            }
        }
        Path folder = path.toAbsolutePath().getParent();
        if (folder != null && file.endsWith(".safetensors")) {
            return Tokenizers.file(folder);
        }
        return Tokenizers.file(path);
    }
}
