package clearhead.browser;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.microsoft.playwright.Download;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.options.AriaRole;
import com.microsoft.playwright.options.SelectOption;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The first two minutes of somebody who studies heads: an own model, a text of 3,000 tokens, the
/// heads that matter, exact rows out, a head off, another text beside it, a link.
class ResearcherTest {
    private static final int CONTEXT = 4096;

    @TempDir
    Path folder = Path.of("");

    /// The bundled weights under another name, with room for a longer text.
    private Path ownModel() throws IOException {
        Path model = Files.createDirectory(folder.resolve("own"));
        Path tales = RunningServer.root().resolve("models/tales");
        for (String file : List.of("model.safetensors", "tokenizer.json", "tokenizer_config.json")) {
            if (Files.exists(tales.resolve(file))) {
                Files.copy(tales.resolve(file), model.resolve(file), StandardCopyOption.REPLACE_EXISTING);
            }
        }
        Files.writeString(
                model.resolve("config.json"),
                Files.readString(tales.resolve("config.json"))
                        .replaceFirst("\"max_position_embeddings\": \\d+", "\"max_position_embeddings\": " + CONTEXT));
        return model;
    }

    @Test
    void theFirstTwoMinutes() throws IOException {
        String text = IntStream.range(0, 190)
                .mapToObj(n -> "The king had a daughter, and the witch number " + n + " saw her.")
                .collect(Collectors.joining(" "));
        try (var server = RunningServer.start(0, "--model", ownModel().toString());
                var chromium = new Chromium()) {
            var visit = new Visit(server, chromium.open(server, 1400, 900)).ready();
            Page page = visit.page();
            assertTrue(visit.banner().contains("own"), visit.banner());
            visit.run(text);
            Matcher tokens = Pattern.compile("([\\d,]+) tokens").matcher(visit.banner());
            assertTrue(tokens.find() && Integer.parseInt(tokens.group(1).replace(",", "")) >= 3000, visit.banner());

            // The heads that matter.
            visit.open("Map");
            Locator metric = page.getByRole(AriaRole.COMBOBOX, new Page.GetByRoleOptions().setName("metric"));
            metric.selectOption(new SelectOption().setLabel("Induction"));
            assertThat(visit.view("Map")).containsText("Highest induction on this text");
            visit.button("Open this head").click();
            assertThat(visit.view("Head")).isVisible();

            // One of them, exactly, and out.
            visit.open("Head");
            page.getByRole(AriaRole.RADIO, new Page.GetByRoleOptions().setName("hide"))
                    .check(new Locator.CheckOptions().setForce(true));
            // A row far down: the ribbon goes to its end by keyboard.
            visit.token(19).click();
            page.mouse().move(5, 5); // else what is under the pointer is shown
            page.keyboard().press("End");
            page.keyboard().press("Enter");
            page.waitForCondition(() -> visit.link("q").length() == 4);
            assertThat(visit.sentence()).containsText("(position " + visit.link("q") + "), the model gives");
            Download csv = page.waitForDownload(() -> visit.button("CSV").click());
            List<String> lines = Files.readAllLines(csv.path());
            assertTrue(lines.size() > 1000, "a row of " + lines.size() + " lines");

            // A head off: before and after.
            visit.open("Try it");
            String before = visit.runName();
            visit.button("Switch off").click();
            page.waitForCondition(
                    () -> !visit.runName().isEmpty() && !visit.runName().equals(before),
                    new Page.WaitForConditionOptions().setTimeout(60_000));
            visit.ready();
            assertThat(visit.view("Try it")).containsText("→");

            // The whole state, in a profile that knows nothing.
            page.waitForTimeout(600);
            String address = page.url();
            assertTrue(
                    address.contains("head"),
                    "the link has the change: " + address.substring(0, Math.min(200, address.length())));
            var colleague = new Visit(server, chromium.open(server, 1400, 900));
            colleague.page().navigate("about:blank");
            colleague.page().navigate(address);
            colleague.ready();
            assertEquals(visit.runName(), colleague.runName());
            assertThat(colleague.view("Try it")).isVisible();
            assertEquals(List.of(), chromium.complaints());
        }
    }
}
