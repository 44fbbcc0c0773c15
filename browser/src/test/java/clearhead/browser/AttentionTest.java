package clearhead.browser;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.options.AriaRole;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/// Head, Predict and the frame, with the bundled model: what is on screen is what the API says.
class AttentionTest {
    private static RunningServer server;
    private static Chromium chromium;

    @BeforeAll
    static void start() {
        server = RunningServer.start(0);
        chromium = new Chromium();
    }

    @AfterAll
    static void stop() {
        chromium.close();
        assertEquals(0, server.stop(), "the server ends with status 0");
    }

    @AfterEach
    void nothingComplained() {
        assertEquals(List.of(), chromium.complaints());
    }

    private static Visit visit() {
        return new Visit(server, chromium.open(server, 1400, 900)).ready();
    }

    @Test
    void aClickedWordShowsItsRowAsTheApiHasIt() {
        Visit visit = visit().open("Head");
        for (int query : new int[] {3, 7, 12}) {
            visit.token(query).click();
            assertThat(visit.sentence()).containsText("(position " + query + "), the model gives");
            String of = visit.link("l") + "." + visit.link("h");
            double[] row = weights(visit, of, query);
            Locator listed = visit.inspector()
                    .getByRole(AriaRole.LIST, new Locator.GetByRoleOptions().setName("keys by value"))
                    .getByRole(AriaRole.BUTTON);
            assertTrue(listed.count() >= 1);
            for (int n = 0; n < listed.count(); n++) {
                String name = listed.nth(n).locator(".visually-hidden").innerText()
                        + listed.nth(n).locator(".bar-value").innerText();
                var parts = Pattern.compile("position (\\d+): ?([0-9.e-]+)").matcher(name);
                assertTrue(parts.find(), name);
                double wanted = row[Integer.parseInt(parts.group(1))];
                double shown = Double.parseDouble(parts.group(2));
                assertEquals(wanted, shown, 5.1e-4 * Math.max(1, Math.abs(wanted)), name);
            }
        }
    }

    private static double[] weights(Visit visit, String of, int query) {
        var cells = visit.api("row?of=" + of + "&query=" + query).array("row");
        var row = new double[query + 1];
        for (int key = 0; key <= query; key++) {
            row[key] = cells.real(key);
        }
        return row;
    }

    @Test
    void theNextTokensAreTheApisAndMoveWithTheTemperature() {
        Visit visit = visit().open("Predict");
        Locator rows = visit.page()
                .getByRole(AriaRole.TABLE, new Page.GetByRoleOptions().setName("Next tokens"))
                .getByRole(AriaRole.ROW);
        assertThat(rows.nth(10)).isVisible();
        int last = visit.tokens().count() - 1;
        var top = visit.api("predict?position=" + last + "&top=10").array("top");
        for (int n = 0; n < 10; n++) {
            String row = rows.nth(n + 1).innerText();
            double probability = top.object(n).real("probability");
            assertTrue(
                    row.contains(String.format(Locale.ROOT, "%.4f", probability)),
                    "row " + n + " shows " + row + ", the API says " + probability);
        }
        String before = rows.nth(1).innerText();
        Locator temperature =
                visit.page().getByRole(AriaRole.SLIDER, new Page.GetByRoleOptions().setName("temperature"));
        temperature.focus();
        for (int n = 0; n < 5; n++) {
            temperature.press("ArrowRight");
        }
        assertThat(rows.nth(1)).not().hasText(before);
        int tokens = visit.tokens().count();
        visit.button("+ 1 token").click();
        assertThat(visit.tokens()).hasCount(tokens + 1);
    }

    @Test
    void everyHeadAndEveryTokenHasTheApisNumbers() {
        Visit visit = visit().open("Map");
        var heads = visit.api("heads").object("text").array("heads");
        Locator cells = visit.view("Map").getByRole(AriaRole.GRIDCELL);
        assertThat(cells).hasCount(heads.size());
        for (int n = 0; n < heads.size(); n++) {
            var head = heads.object(n);
            String place = "layer " + head.integer("layer") + ", head " + head.integer("head") + ": ";
            String said = cells.nth(n).getAttribute("title");
            assertTrue(said.startsWith(place), said);
            var number = Visit.NUMBER.matcher(said.substring(place.length()));
            assertTrue(number.find(), said);
            assertEquals(head.object("values").real("previous_token"), Double.parseDouble(number.group()), 1e-15, said);
        }
        visit.open("Tokens");
        var tokens = visit.api("").array("tokens");
        Locator pieces = visit.page()
                .getByRole(AriaRole.BUTTON, new Page.GetByRoleOptions().setName(Pattern.compile("^token \\d+: ")));
        assertThat(pieces.first()).isVisible();
        for (int n = 0; n < Math.min(pieces.count(), tokens.size()); n++) {
            String said = pieces.nth(n).getAttribute("aria-label");
            assertTrue(said.contains("id " + tokens.object(n).integer("id") + ","), said);
        }
    }

    @Test
    void anEditedTextRunsAgainAndALinkRestoresAllOfIt() {
        Visit visit = visit().open("Head");
        visit.run("The old witch said to the little girl, and the witch laughed.");
        visit.token(4).click();
        visit.page().keyboard().press("Escape");
        assertThat(visit.sentence()).containsText("“·to” (position 4), the model gives");
        String sentence = visit.sentence().innerText();
        visit.page().waitForTimeout(500);
        String address = visit.page().url();
        visit.page().reload();
        visit.ready();
        assertThat(visit.sentence()).hasText(sentence);
        var fresh = new Visit(server, chromium.open(server, 1400, 900));
        fresh.page().navigate("about:blank");
        fresh.page().navigate(address);
        fresh.ready();
        assertThat(fresh.sentence()).hasText(sentence);
        assertEquals(
                "The old witch said to the little girl, and the witch laughed.",
                fresh.text().inputValue());
    }

    @Test
    void aTextThatIsTooLongSaysSoAndStays() {
        Visit visit = visit();
        String text = "The king went home. ".repeat(400);
        visit.text().fill(text);
        visit.text().press("Control+Enter");
        assertThat(visit.page().getByText(Pattern.compile("context")).first()).isVisible();
        assertEquals(text, visit.text().inputValue());
        visit.run("The king went home.");
    }

    @Test
    void aLinkToAModelThatIsNotHereSaysWhatToDo() {
        var page = chromium.open(server, 1400, 900);
        page.navigate("about:blank");
        page.navigate(server.url() + "#1&m=nobody&t=tThe+king");
        assertThat(page.getByText(Pattern.compile("model of that name")).first())
                .isVisible();
        var visit = new Visit(server, page);
        assertEquals("The king", visit.text().inputValue());
    }
}
