package clearhead.browser;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import clearhead.io.Json;
import com.microsoft.playwright.Browser;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.options.AriaRole;
import com.microsoft.playwright.options.ColorScheme;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The page for everybody: axe on every screen in both themes and at phone width, nothing wider than
/// the window, the whole way by keyboard, tables behind the pictures.
class AccessibilityTest {
    private static final List<String> SCREENS =
            List.of("Tokens", "Step", "Head", "Map", "Predict", "Try it", "Compare");

    private static RunningServer server;
    private static Chromium chromium;
    private static String axe = "";

    @BeforeAll
    static void start() throws IOException {
        Path script = RunningServer.root().resolve("web/node_modules/axe-core/axe.min.js");
        assertTrue(Files.exists(script), "axe-core is missing: run npm ci in web/");
        axe = Files.readString(script);
        server = RunningServer.start(0);
        chromium = new Chromium();
    }

    @AfterAll
    static void stop() {
        chromium.close();
        server.close();
    }

    @AfterEach
    void nothingComplained() {
        assertEquals(List.of(), chromium.complaints());
    }

    @ParameterizedTest
    @CsvSource({"1400, 900, LIGHT", "1400, 900, DARK", "360, 740, LIGHT"})
    void axeFindsNothingSeriousOnAnyScreen(int width, int height, ColorScheme scheme) {
        var options =
                new Browser.NewContextOptions().setViewportSize(width, height).setColorScheme(scheme);
        var visit = new Visit(server, chromium.open(server, options)).ready();
        var found = new ArrayList<String>();
        for (String screen : SCREENS) {
            visit.open(screen);
            visit.page().waitForTimeout(1500);
            found.addAll(serious(visit.page(), screen));
            if (screen.equals("Step")) {
                for (int panel = 0; panel < 9; panel++) {
                    visit.page().locator(".step .strip button").nth(panel).click();
                    visit.page().waitForTimeout(200);
                    found.addAll(serious(visit.page(), screen + " panel " + panel));
                }
            }
        }
        assertEquals(List.of(), found);
    }

    private static List<String> serious(Page page, String where) {
        String told = (String) page.evaluate(
                "async (source) => { if (!window.axe) (0, eval)(source); const r = await axe.run(document,"
                        + " { resultTypes: ['violations'] }); return JSON.stringify({ found:"
                        + " r.violations.filter(v => v.impact === 'serious' || v.impact === 'critical').map(v"
                        + " => v.id + ': ' + v.nodes.slice(0, 3).map(n => n.html.slice(0, 160) + ' ' +"
                        + " (n.any[0]?.message ?? '')).join(' | ')) }) }",
                axe);
        return Json.parseObject("axe", told).array("found").texts().stream()
                .map(v -> where + ": " + v)
                .toList();
    }

    @Test
    void nothingIsWiderThanAPhone() {
        var visit = new Visit(server, chromium.open(server, 360, 740)).ready();
        for (String screen : SCREENS) {
            visit.open(screen);
            visit.page().waitForTimeout(1200);
            int width = ((Number) visit.page().evaluate("() => document.documentElement.scrollWidth")).intValue();
            assertTrue(width <= 360, screen + " is " + width + " pixels wide");
        }
        visit.text().fill("A phone can type, too.");
        assertEquals("A phone can type, too.", visit.text().inputValue());
    }

    @Test
    void theWholeWayGoesByKeyboard() {
        Page page = chromium.open(server, 1400, 900);
        var visit = new Visit(server, page).ready();
        // From the top of the page to the ribbon by Tab alone.
        page.keyboard().press("Tab");
        assertEquals("Skip to the view", page.evaluate("() => document.activeElement.textContent.trim()"));
        boolean reached = false;
        for (int n = 0; n < 20 && !reached; n++) {
            page.keyboard().press("Tab");
            reached = "option".equals(page.evaluate("() => document.activeElement.getAttribute('role')"));
        }
        assertTrue(reached, "Tab never reaches the ribbon");
        page.keyboard().press("Home");
        for (int n = 0; n < 4; n++) {
            page.keyboard().press("ArrowRight");
        }
        page.keyboard().press("Enter");
        page.waitForCondition(() -> visit.link("q").equals("4"));
        page.keyboard().press("ArrowLeft");
        page.keyboard().press("Shift+Enter");
        page.waitForCondition(() -> visit.link("k").equals("3"));
        String[] keys = {"1", "2", "3", "4", "5", "6", "7"};
        for (int n = 0; n < keys.length; n++) {
            page.keyboard().press(keys[n]);
            visit.view(SCREENS.get(n)).waitFor();
        }
        page.keyboard().press("2");
        visit.view("Step").waitFor();
        page.keyboard().press("?");
        page.getByRole(AriaRole.DIALOG).waitFor();
        page.keyboard().press("Escape");
        assertFalse(page.getByRole(AriaRole.DIALOG).isVisible());
    }

    @Test
    void everyPictureHasATableAndAName() {
        var visit = new Visit(server, chromium.open(server, 1400, 900)).ready();
        for (String screen : List.of("Step", "Head", "Map", "Predict")) {
            visit.open(screen);
            visit.page()
                    .waitForFunction("() => document.querySelectorAll('main table, aside table, main details, aside"
                            + " details').length > 0");
            assertEquals(
                    0,
                    ((Number) visit.page()
                                    .evaluate("() => [...document.querySelectorAll('main svg, main"
                                            + " canvas')].filter(e => !e.closest('[aria-hidden=true]') &&"
                                            + " !e.closest('[aria-label],[aria-labelledby],[role=img]') &&"
                                            + " !e.querySelector('title')).length"))
                            .intValue(),
                    screen + " has a picture without a name");
        }
    }
}
