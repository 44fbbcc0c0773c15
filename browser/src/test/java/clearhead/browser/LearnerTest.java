package clearhead.browser;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.options.AriaRole;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/// The first two minutes of somebody who has never seen attention.
class LearnerTest {
    @Test
    void theFirstTwoMinutes() {
        try (var server = RunningServer.start(0);
                var chromium = new Chromium()) {
            var visit = new Visit(server, chromium.open(server, 1400, 900)).ready();
            Page page = visit.page();
            assertThat(page.getByText("Click a word to see what the model looked at."))
                    .isVisible();
            assertTrue(visit.tokens().count() > 10, "the ready sentence is there");

            // A word is clicked: what the model looked at, in words and numbers.
            visit.token(12).click();
            assertThat(visit.sentence()).containsText("(position 12), the model gives");
            Matcher said = Pattern.compile("gives ([0-9.]+) of its attention to .*\\(position (\\d+)\\)")
                    .matcher(visit.sentence().innerText());
            assertTrue(said.find(), visit.sentence().innerText());
            String of = visit.link("l") + "." + visit.link("h");
            double weight = visit.api("row?of=" + of + "&query=12").array("row").real(Integer.parseInt(said.group(2)));
            assertEquals(String.format(Locale.ROOT, "%.3f", weight), said.group(1));

            // How that came about.
            page.getByRole(
                            AriaRole.BUTTON,
                            new Page.GetByRoleOptions().setName(Pattern.compile("^How was [0-9.]+ computed\\?$")))
                    .click();
            assertThat(visit.view("Step")).isVisible();
            page.waitForCondition(() -> said.group(2).equals(visit.link("k")));
            var steps = visit.api(
                    "steps?layer=" + visit.link("l") + "&head=" + visit.link("h") + "&query=12&key=" + said.group(2));
            Locator softmax = page.getByRole(
                    AriaRole.REGION,
                    new Page.GetByRoleOptions().setName("Softmax").setExact(true));
            for (int n = 0; n < 8 && softmax.count() == 0; n++) {
                page.keyboard().press(" ");
                page.waitForTimeout(300);
            }
            assertThat(softmax).containsText(said.group(1));
            assertEquals(
                    weight,
                    steps.object("softmax")
                            .array("keys")
                            .object(Integer.parseInt(said.group(2)))
                            .real("weight"),
                    1e-6);

            // A word's bytes and merges.
            visit.open("Tokens");
            assertThat(visit.view("Tokens")).containsText("0110");
            page.getByRole(AriaRole.BUTTON, new Page.GetByRoleOptions().setName(Pattern.compile("^token 8: .*id 848")))
                    .first()
                    .click();
            assertThat(visit.inspector()).containsText("merge");

            // Another word: everything runs again.
            visit.run(visit.text().inputValue().replaceFirst("king", "dog"));
            assertThat(visit.token(1)).containsText("dog");

            // The next word, and one more.
            visit.open("Predict");
            int tokens = visit.tokens().count();
            visit.button("+ 1 token").click();
            assertThat(visit.tokens()).hasCount(tokens + 1);
            assertEquals(List.of(), chromium.complaints());
        }
    }
}
