package clearhead.app;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

@Command(name = "models", mixinStandardHelpOptions = true, description = "Lists the models that --model knows by name.")
final class ModelsCommand implements Callable<Integer> {
    @Spec
    @SuppressWarnings("NullAway.Init")
    CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        var out = spec.commandLine().getOut();
        List<Path> found = bundled();
        for (Path model : found) {
            out.printf("%-16s %6.1f MB  %s%n", model.getFileName(), megabytes(model), model);
        }
        if (found.isEmpty()) {
            out.println("No model in " + Home.models() + ".");
        }
        out.println("Any folder with config.json and safetensors, .gguf or llama2.c .bin file works too.");
        return 0;
    }

    /// Folders with a config.json below the models folder.
    static List<Path> bundled() throws IOException {
        Path models = Home.models();
        if (!Files.isDirectory(models)) {
            return List.of();
        }
        try (Stream<Path> folders = Files.list(models)) {
            return folders.filter(f -> Files.isRegularFile(f.resolve("config.json")))
                    .sorted()
                    .toList();
        }
    }

    private static double megabytes(Path folder) throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(Files::isRegularFile)
                            .mapToLong(f -> f.toFile().length())
                            .sum()
                    / 1e6;
        }
    }
}
