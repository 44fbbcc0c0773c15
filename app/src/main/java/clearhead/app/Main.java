package clearhead.app;

import clearhead.view.RefusedInput;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.ScopeType;

/// The command line. One class a command; exit codes: 0 done, 1 failed, 2 wrong usage, 130
/// interrupted.
@Command(
        name = "clearhead",
        mixinStandardHelpOptions = true,
        versionProvider = Version.class,
        description =
                "Runs, shows and trains transformer attention. Every number it shows is the" + " number it computed.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {
            AttendCommand.class,
            PredictCommand.class,
            LensCommand.class,
            HeadsCommand.class,
            GenerateCommand.class,
            TranslateCommand.class,
            ChatCommand.class,
            EvalCommand.class,
            EmbedCommand.class,
            FillCommand.class,
            ConvertCommand.class,
            QuantizeCommand.class,
            TokensCommand.class,
            TraceCommand.class,
            AblateCommand.class,
            PatchCommand.class,
            CompareCommand.class,
            TrainCommand.class,
            ServeCommand.class,
            BenchCommand.class,
            InfoCommand.class,
            ModelsCommand.class,
            PullCommand.class,
            RmCommand.class,
            CompletionCommand.class,
            CommandLine.HelpCommand.class
        },
        exitCodeListHeading = "%nExit codes:%n",
        exitCodeList = {"0:done", "1:failed", "2:wrong usage", "130:interrupted"},
        footer = {
            "",
            "`clearhead COMMAND --help` says more. Models live in models/ and are given to"
                    + " --model by name, folder, .gguf or .safetensors file, or as hf:ORG/NAME."
        })
public final class Main {
    static final int FAILED = 1;
    static final int USAGE = 2;

    @Option(
            names = "--debug",
            scope = ScopeType.INHERIT,
            description = "On an error, print where in the program it happened.")
    boolean debug;

    private Main() {}

    public static void main(String[] args) {
        int code = run(args, utf8(new FileOutputStream(FileDescriptor.out)), utf8(errors()));
        System.exit(code);
    }

    /// Runs one command.
    ///
    /// @return the exit code
    static int run(String[] args, PrintWriter out, PrintWriter err) {
        var main = new Main();
        var line = new CommandLine(main)
                .setOut(out)
                .setErr(err)
                .setCaseInsensitiveEnumValuesAllowed(true)
                .setUsageHelpAutoWidth(false)
                .setUsageHelpWidth(Terminal.current().helpWidth())
                .setColorScheme(
                        CommandLine.Help.defaultColorScheme(Terminal.current().ansi()));
        line.setParameterExceptionHandler((e, given) -> usageError(e));
        line.setExecutionExceptionHandler((e, at, parsed) -> failure(e, main.debug, at.getErr()));
        int code = args.length == 0 ? help(line) : line.execute(args);
        out.flush();
        err.flush();
        return code;
    }

    private static int help(CommandLine line) {
        line.usage(line.getOut());
        return USAGE;
    }

    private static int usageError(CommandLine.ParameterException e) {
        CommandLine at = e.getCommandLine();
        PrintWriter err = at.getErr();
        err.println("clearhead: " + oneLine(String.valueOf(e.getMessage())));
        if (!CommandLine.UnmatchedArgumentException.printSuggestions(e, err)) {
            err.println("See `" + at.getCommandSpec().qualifiedName() + " --help`.");
        }
        err.flush();
        return USAGE;
    }

    /// One line for what the user can mend; a bug is called one.
    private static int failure(Exception e, boolean debug, PrintWriter err) {
        boolean usage = e instanceof UsageException || e instanceof RefusedInput;
        boolean foreseen = usage
                || e instanceof IllegalArgumentException
                || e instanceof IllegalStateException
                || e instanceof UncheckedIOException
                || e instanceof java.io.IOException
                || e.getClass().getName().startsWith("clearhead.");
        String message = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
        if (e instanceof java.nio.file.NoSuchFileException) {
            message = "no such file: " + message;
        }
        err.println("clearhead: "
                + (foreseen
                        ? ""
                        : "internal error, please report it (--debug shows more): "
                                + e.getClass().getSimpleName() + ": ")
                + oneLine(message));
        if (debug) {
            e.printStackTrace(err);
        }
        err.flush();
        return usage ? USAGE : FAILED;
    }

    private static String oneLine(String text) {
        return text.replaceAll("\\s*\\R\\s*", " ");
    }

    /// The launcher keeps standard error for the JVM's own messages and says where ours go.
    static FileOutputStream errors() {
        String path = System.getProperty("clearhead.stderr");
        if (path != null) {
            try {
                return new FileOutputStream(path, true);
            } catch (IOException e) {
                // A closed or strange descriptor: standard error is the next best place.
            }
        }
        return new FileOutputStream(FileDescriptor.err);
    }

    static PrintWriter utf8(FileOutputStream stream) {
        return new PrintWriter(new OutputStreamWriter(stream, StandardCharsets.UTF_8), false);
    }
}
