package clearhead.app;

import clearhead.io.JsonWriter;
import clearhead.model.ModelSize;
import clearhead.ops.Backend;
import clearhead.ops.Backends;
import clearhead.tensor.Memory;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;
import picocli.CommandLine.Model.CommandSpec;

/// What `info MODEL` prints.
final class InfoModel {
    private InfoModel() {}

    static void print(CommandSpec spec, String name, Optional<Destination> json) {
        PrintWriter out = spec.commandLine().getOut();
        Path path = OpenModel.find(name);
        if (!Files.exists(path)) {
            throw new UsageException("there is no model " + path);
        }
        ModelSize size;
        try (Backend backend = Backends.choose()) {
            size = ModelSize.of(path, backend);
        }
        json.ifPresent(to -> to.write(out, writer -> write(size, writer)));
        if (json.filter(Destination::isStandardOutput).isEmpty()) {
            print(size, out);
        }
    }

    private static void print(ModelSize size, PrintWriter out) {
        line(out, "model", size.name() + ", " + size.family());
        String heads = size.heads()
                .map(h -> " of " + h.heads() + " heads (" + h.kvHeads() + " for keys and values) of " + h.headDim())
                .orElse(" without attention");
        line(out, "layers", size.layers() + heads);
        line(out, "width", size.dim() + ", " + size.vocab() + " token ids");
        line(out, "context", size.context() + " positions");
        line(out, "parameters", String.format(Locale.ROOT, "%,d", size.parameters()));
        String types = size.types().entrySet().stream()
                .map(e -> String.format(Locale.ROOT, "%s %,d", e.getKey(), e.getValue()))
                .collect(Collectors.joining(", "));
        line(out, "stored as", types);
        line(out, "file", Memory.text(size.fileBytes()));
        ModelSize.Needs needs = size.needs();
        String parts = Memory.text(needs.packed()) + " packed"
                + (needs.inPlace() > 0 ? ", " + Memory.text(needs.inPlace()) + " read where they are" : "");
        String free = Memory.available().isPresent()
                ? "; " + Memory.text(Memory.available().getAsLong()) + " are free"
                : "";
        line(out, "memory", Memory.text(needs.memory()) + " (" + parts + ")" + free);
        String state = size.stateBytes() > 0 ? ", " + size.stateBytes() + " bytes a sequence" : "";
        line(out, "cache", size.cacheBytes() + " bytes a token" + state + " (f32)");
    }

    private static void line(PrintWriter out, String name, String value) {
        out.printf("%-11s %s%n", name, value);
    }

    private static void write(ModelSize size, Writer to) {
        try (var w = JsonWriter.to(to, true)) {
            w.beginObject().field("command", "info").field("model", size.name());
            w.field("family", size.family()).field("layers", size.layers());
            size.heads()
                    .ifPresent(h -> w.field("heads", h.heads())
                            .field("kv_heads", h.kvHeads())
                            .field("head_dim", h.headDim()));
            w.field("dim", size.dim()).field("vocab", size.vocab()).field("context", size.context());
            w.field("parameters", size.parameters());
            w.name("types").beginObject();
            size.types().forEach(w::field);
            w.endObject();
            w.field("file_bytes", size.fileBytes())
                    .field("memory_bytes", size.needs().memory());
            w.field("packed_bytes", size.needs().packed());
            w.field("cache_bytes_per_token", size.cacheBytes());
            w.field("state_bytes", size.stateBytes());
            w.endObject();
        }
    }
}
