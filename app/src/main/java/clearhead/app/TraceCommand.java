package clearhead.app;

import clearhead.generate.Translator;
import clearhead.inspect.Trace;
import clearhead.io.JsonWriter;
import clearhead.io.SafetensorsWriter;
import clearhead.nn.EncoderDecoder;
import clearhead.nn.Network;
import clearhead.nn.Site;
import clearhead.sampling.Sampling;
import clearhead.tensor.DType;
import clearhead.view.ModelJson;
import clearhead.view.Prompt;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

@Command(
        name = "trace",
        mixinStandardHelpOptions = true,
        description = {
            "Saves what a run computed, tensor by tensor, as a safetensors file: resid_post.3,"
                    + " pattern.0, logits, … and always input_ids. Everything is F32; layers and heads"
                    + " count from 0. The size of the file is said before the run."
        })
final class TraceCommand implements Callable<Integer> {
    private static final String DEFAULT_SITES = "resid_post,pattern,encoder_pattern,cross_pattern,final_norm,logits";

    @Mixin
    private TextOption text = new TextOption();

    @Mixin
    private ModelOption model = new ModelOption();

    @Option(
            names = "--sites",
            paramLabel = "SITES",
            defaultValue = DEFAULT_SITES,
            description = "Which values, with commas: embed, resid_pre, attn_norm, q_pre, k_pre, q, k, v, scores,"
                    + " pattern, encoder_pattern, cross_pattern, z, attn_out, resid_mid, mlp_norm, mlp_post, mlp_out,"
                    + " resid_post, final_norm, logits; or all. Default: ${DEFAULT-VALUE}.")
    private String sites = DEFAULT_SITES;

    @Option(
            names = "--layers",
            paramLabel = "0-3",
            description = "Which layers: numbers and ranges (both ends included) with commas. Default: all.")
    private Optional<String> layers = Optional.empty();

    @Option(
            names = "--decoder-ids",
            paramLabel = "0,5,6",
            description = "For encoder-decoders: what the decoder has written, its start token first; the"
                    + " TEXT or --ids is what the encoder reads. Default: the start token.")
    private Optional<String> decoderIds = Optional.empty();

    @Option(names = "--out", paramLabel = "FILE", required = true, description = "The safetensors file to write.")
    @SuppressWarnings("NullAway.Init")
    private Path out;

    @Option(
            names = "--json",
            paramLabel = "FILE",
            description = "Write what was saved (docs/json.md); - for standard output.")
    private Optional<String> json = Optional.empty();

    @Spec
    @SuppressWarnings("NullAway.Init")
    private CommandSpec spec;

    @Override
    public Integer call() {
        text.check();
        Set<Site> wanted = sites(sites);
        Optional<Destination> to = json.map(Destination::new);
        PrintWriter told = to.filter(Destination::isStandardOutput).isPresent()
                ? spec.commandLine().getErr()
                : spec.commandLine().getOut();
        Path folder = out.toAbsolutePath().getParent();
        if (folder != null && !Files.isDirectory(folder)) {
            throw new IllegalStateException("cannot write " + out + ": there is no folder " + folder);
        }
        try (OpenModel open = OpenModel.open(model)) {
            Set<Integer> chosen = layers(layers, mostLayers(open.model().network()));
            Prompt prompt = text.prompt(open);
            int[] ids = prompt.ids();
            int[] written = written(open);
            boolean both = open.model().network() instanceof EncoderDecoder;
            List<Trace.Entry> plan = both
                    ? Trace.plan(open.model().encoderDecoder(), ids.length, written.length, wanted, chosen::contains)
                    : Trace.plan(open.transformer(), ids.length, wanted, chosen::contains);
            try (var writer = SafetensorsWriter.create(out)) {
                writer.metadata(metadata(open, ids));
                plan.forEach(entry -> writer.declare(entry.name(), DType.F32, entry.shape()));
                long bytes = writer.bytes();
                told.println(open.describe());
                told.println("writing " + plan.size() + " tensors of " + ids.length + " tokens, " + size(bytes)
                        + ", to " + out);
                told.flush();
                var finite = new boolean[] {true};
                Trace.Sink sink = (entry, part) -> {
                    if (entry.name().equals(Site.LOGITS.label())) {
                        finite[0] = Double.isFinite(part.at(part.size() - 1));
                    }
                    writer.append(entry.name(), part);
                };
                if (both) {
                    var model = open.model().encoderDecoder();
                    Trace.stream(model, open.ops(), ids, written, wanted, chosen::contains, sink);
                } else {
                    Trace.stream(open.transformer(), open.ops(), ids, wanted, chosen::contains, sink);
                }
                if (!finite[0] && both) {
                    try (var translator = new Translator(open.model())) {
                        translator.write(ids, Sampling.GREEDY, 1); // says which weight is no number
                    }
                } else if (!finite[0]) {
                    open.requireFinite(ids);
                }
                writer.commit();
                plan.forEach(entry -> told.println("  " + entry.name() + " " + entry.shape()));
                to.ifPresent(d -> d.write(spec.commandLine().getOut(), w -> {
                    try (var document = JsonWriter.to(w, true)) {
                        write(document, open, prompt, plan, bytes);
                    }
                }));
            }
        }
        return 0;
    }

    /// The tokens of the decoder of an encoder-decoder; none for other models.
    private int[] written(OpenModel open) {
        if (!(open.model().network() instanceof EncoderDecoder)) {
            if (decoderIds.isPresent()) {
                throw new UsageException("--decoder-ids is for encoder-decoders; a "
                        + open.model().architecture().name() + " is none");
            }
            return new int[0];
        }
        if (decoderIds.isEmpty()) {
            try (var translator = new Translator(open.model())) {
                return new int[] {translator.start()};
            }
        }
        int[] ids = TextOption.ids("--decoder-ids", decoderIds.get());
        return Prompt.ofIds(ids, open.tokenizer()).checked(open.model()).ids();
    }

    private static int mostLayers(Network network) {
        return network instanceof EncoderDecoder both
                ? Math.max(both.encoder().layers(), both.decoder().layers())
                : network.layers();
    }

    private static Map<String, String> metadata(OpenModel open, int[] ids) {
        Map<String, String> entries = new LinkedHashMap<>();
        entries.put("format", "pt");
        entries.put("made_by", "clearhead trace " + Version.NUMBER);
        entries.put("model", open.model().name());
        entries.put("arithmetic", open.arithmetic());
        entries.put("backend", open.backend());
        entries.put("tokens", Integer.toString(ids.length));
        return entries;
    }

    private void write(JsonWriter document, OpenModel open, Prompt prompt, List<Trace.Entry> plan, long bytes) {
        document.beginObject().field("command", "trace");
        ModelJson.model(document, open.model(), open.arithmetic(), open.backend());
        ModelJson.tokens(document, prompt);
        document.field("file", out.toString()).field("bytes", bytes);
        document.name("tensors").beginArray();
        for (Trace.Entry entry : plan) {
            document.beginObject().field("name", entry.name()).field("dtype", "F32");
            document.name("shape").value(entry.shape().dims()).endObject();
        }
        document.endArray().endObject();
    }

    private static String size(long bytes) {
        if (bytes < 1000) {
            return bytes + " bytes";
        }
        String[] units = {"kB", "MB", "GB", "TB"};
        double size = bytes;
        int unit = -1;
        while (size >= 1000 && unit < units.length - 1) {
            size /= 1000;
            unit++;
        }
        return String.format(Locale.ROOT, "%.1f %s (%d bytes)", size, units[unit], bytes);
    }

    static Set<Site> sites(String list) {
        List<String> known = Arrays.stream(Site.values()).map(Site::label).toList();
        var wanted = EnumSet.noneOf(Site.class);
        for (String name : list.strip().split("\\s*,\\s*", -1)) {
            if (name.equals("all")) {
                return EnumSet.allOf(Site.class);
            }
            // input_ids is always there.
            if (name.equals(Trace.INPUT_IDS)) {
                continue;
            }
            wanted.add(Arrays.stream(Site.values())
                    .filter(site -> site.label().equals(name))
                    .findFirst()
                    .orElseThrow(() -> new UsageException("no site \"" + name + "\"" + Nearest.hint(name, known))));
        }
        return wanted;
    }

    /// Numbers and inclusive ranges: `0-3,7`.
    static Set<Integer> layers(Optional<String> list, int count) {
        var wanted = new TreeSet<Integer>();
        for (String part : list.orElse("0-" + (count - 1)).strip().split("\\s*,\\s*", -1)) {
            String[] ends = part.split("-", -1);
            if (ends.length > 2 || !Arrays.stream(ends).allMatch(e -> e.matches("\\d{1,9}"))) {
                throw new UsageException("--layers wants numbers and ranges such as 0-3,7; found \"" + part + "\"");
            }
            int from = Integer.parseInt(ends[0]);
            int to = Integer.parseInt(ends[ends.length - 1]);
            if (from > to || to >= count) {
                throw new UsageException("--layers " + part + " is out of range: the model has " + count
                        + " layers, numbered 0 to " + (count - 1));
            }
            for (int layer = from; layer <= to; layer++) {
                wanted.add(layer);
            }
        }
        return wanted;
    }
}
