package clearhead.browser;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.microsoft.playwright.assertions.LocatorAssertions;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/// What goes wrong is said, what was typed stays, and the page goes on by itself.
class RecoveryTest {
    @Test
    void aServerThatStopsAndComesBack() {
        try (var chromium = new Chromium()) {
            RunningServer server = RunningServer.start(0);
            int port = server.port();
            var visit = new Visit(server, chromium.open(server, 1400, 900)).ready();
            visit.text().fill("The witch was gone.");
            assertEquals(0, server.stop());
            visit.text().press("Control+Enter");
            assertThat(visit.page()
                            .getByText(Pattern.compile("does not answer"))
                            .first())
                    .isVisible();
            assertEquals("The witch was gone.", visit.text().inputValue());
            try (RunningServer again = RunningServer.start(port)) {
                var back = new Visit(again, visit.page());
                assertThat(back.tokens().nth(1))
                        .hasText("·witch", new LocatorAssertions.HasTextOptions().setTimeout(30_000));
                back.ready();
                // The run was made anew from the page's own words, and so are those that the server no longer has.
                assertThat(back.page().getByText(Pattern.compile("does not answer")))
                        .hasCount(0);
            }
        }
    }

    @Test
    void aKeyIsAskedForOnceAndKept() {
        try (var chromium = new Chromium();
                RunningServer server = RunningServer.start(0, "--api-key", "open-sesame-0123456789")) {
            var visit = new Visit(server, chromium.open(server, 1400, 900));
            var box = visit.page().locator("input[type=password]");
            assertThat(box).isVisible();
            box.fill("wrong-key-0123456789");
            box.press("Enter");
            visit.page().waitForTimeout(500);
            assertThat(box).isVisible();
            box.fill("open-sesame-0123456789");
            box.press("Enter");
            visit.ready();
            visit.page().reload();
            visit.ready();
        }
    }
}
