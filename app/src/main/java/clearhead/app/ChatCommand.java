package clearhead.app;

import clearhead.generate.ChatTemplate;
import clearhead.generate.ChatTemplate.Message;
import clearhead.generate.Engine;
import clearhead.generate.Generation;
import clearhead.generate.Request;
import clearhead.io.JsonWriter;
import clearhead.view.ModelJson;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "chat",
        mixinStandardHelpOptions = true,
        description = {
            "Talks with a model that was trained to chat. With a MESSAGE it prints the reply and ends;"
                    + " without one it reads a message a line until the end of input.",
            "",
            "So far for models with a ChatML template."
        })
final class ChatCommand implements Callable<Integer> {
    private static final int MOST_POSITIONS = 8192;

    @Parameters(arity = "0..1", paramLabel = "MESSAGE", description = "One message to reply to.")
    private Optional<String> message = Optional.empty();

    @Mixin
    private ModelOption model = new ModelOption();

    @Mixin
    private SamplingOptions sampling = new SamplingOptions();

    @Mixin
    private CacheOption cache = new CacheOption();

    @Option(
            names = "--system",
            paramLabel = "TEXT",
            description = "What the model is told first. Default: what its template says.")
    private Optional<String> system = Optional.empty();

    @Option(
            names = "--json",
            paramLabel = "FILE",
            description = "Write the conversation (docs/json.md); - for standard output, instead of the" + " replies.")
    private Optional<String> json = Optional.empty();

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    /// A reply as it went into the JSON.
    private record Turn(int[] prompt, Generation generation) {}

    @Override
    public Integer call() throws IOException {
        Optional<Destination> destination =
                Destination.both(json, Optional.empty()).json();
        boolean quiet = destination.filter(Destination::isStandardOutput).isPresent();
        PrintWriter out = spec.commandLine().getOut();
        try (OpenModel open = OpenModel.open(model)) {
            open.model().requireDecoder();
            var template = ChatTemplate.of(open.model());
            var messages = new ArrayList<Message>();
            system.ifPresent(text -> messages.add(new Message("system", text)));
            var turns = new ArrayList<Turn>();
            int positions = Math.min(open.model().context(), MOST_POSITIONS);
            try (var engine = new Engine(open.model(), positions, cache.storage())) {
                if (message.isPresent()) {
                    turn(template, engine, messages, message.get(), turns, quiet);
                } else {
                    converse(template, engine, messages, turns, quiet);
                }
            }
            destination.ifPresent(d -> d.write(out, to -> write(JsonWriter.to(to, true), open, messages, turns)));
        }
        return 0;
    }

    private void converse(ChatTemplate template, Engine engine, List<Message> messages, List<Turn> turns, boolean quiet)
            throws IOException {
        var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        boolean terminal = Boolean.getBoolean("clearhead.terminal");
        PrintWriter out = spec.commandLine().getOut();
        while (true) {
            if (terminal && !quiet) {
                out.print("> ");
                out.flush();
            }
            String line = lines.readLine();
            if (line == null) {
                return;
            }
            if (!line.isBlank() && turn(template, engine, messages, line, turns, quiet) == Generation.End.CANCELLED) {
                return;
            }
        }
    }

    private Generation.End turn(
            ChatTemplate template,
            Engine engine,
            List<Message> messages,
            String text,
            List<Turn> turns,
            boolean quiet) {
        PrintWriter out = spec.commandLine().getOut();
        messages.add(new Message("user", text));
        int[] prompt = template.encode(messages);
        var listener = new Generation.Listener() {
            @Override
            public void text(String piece) {
                if (!quiet) {
                    out.print(piece);
                    out.flush();
                }
            }
        };
        Generation generation = engine.start(sampling.apply(Request.of(prompt)), listener);
        try (var interrupt = Interrupt.callOnce(generation::cancel)) {
            boolean more = generation.end().isEmpty();
            while (more) {
                more = engine.step();
            }
            if (!quiet) {
                out.println();
                out.flush();
            }
        }
        messages.add(new Message("assistant", generation.text()));
        turns.add(new Turn(prompt, generation));
        return generation.end().orElse(Generation.End.CANCELLED);
    }

    private void write(JsonWriter json, OpenModel open, List<Message> messages, List<Turn> turns) {
        try (json) {
            json.beginObject().field("command", "chat");
            ModelJson.model(json, open.model(), open.arithmetic(), open.backend());
            sampling.write(json);
            json.name("messages").beginArray();
            for (Message m : messages) {
                json.beginObject()
                        .field("role", m.role())
                        .field("content", m.content())
                        .endObject();
            }
            json.endArray().name("replies").beginArray();
            for (Turn t : turns) {
                json.beginObject().name("prompt_ids").value(t.prompt);
                json.name("ids").value(t.generation.made());
                json.field("end", GenerateCommand.reason(t.generation)).endObject();
            }
            json.endArray().endObject();
        }
    }
}
