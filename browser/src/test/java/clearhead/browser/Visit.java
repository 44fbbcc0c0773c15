package clearhead.browser;

import static com.microsoft.playwright.assertions.PlaywrightAssertions.assertThat;

import clearhead.io.Json;
import com.microsoft.playwright.Locator;
import com.microsoft.playwright.Page;
import com.microsoft.playwright.options.AriaRole;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// What a visitor finds on the page, by role and name as a screen reader would.
record Visit(RunningServer server, Page page) {
    static final Pattern NUMBER = Pattern.compile("-?\\d+\\.?\\d*(?:e-?\\d+)?");

    /// Waits until a run is there and matches the forward pass.
    Visit ready() {
        assertThat(page.getByRole(AriaRole.BANNER).getByText(Pattern.compile("matches forward")))
                .isVisible();
        // While something runs, its progress stands where the name of the run was.
        page.waitForCondition(
                () -> banner().contains(" tokens"), new Page.WaitForConditionOptions().setTimeout(60_000));
        return this;
    }

    /// The textbox with the text.
    Locator text() {
        return page.getByRole(
                AriaRole.TEXTBOX, new Page.GetByRoleOptions().setName("Text").setExact(true));
    }

    /// Types a text and runs it; returns when the new run is on screen.
    Visit run(String text) {
        String before = runName();
        text().fill(text);
        text().press("Control+Enter");
        page.waitForCondition(
                () -> !runName().isEmpty() && !runName().equals(before),
                new Page.WaitForConditionOptions().setTimeout(60_000));
        return ready();
    }

    /// `run fe6940` of the top bar.
    String runName() {
        Matcher name = Pattern.compile("run ([0-9a-f]{6})").matcher(banner());
        return name.find() ? name.group(1) : "";
    }

    String banner() {
        return page.getByRole(AriaRole.BANNER).innerText();
    }

    /// The tokens of the ribbon.
    Locator tokens() {
        return page.getByRole(AriaRole.LISTBOX, new Page.GetByRoleOptions().setName(Pattern.compile("^Tokens, ")))
                .getByRole(AriaRole.OPTION);
    }

    Locator token(int position) {
        return page.getByRole(
                AriaRole.OPTION,
                new Page.GetByRoleOptions().setName(Pattern.compile(", position " + position + "(,|$)")));
    }

    Visit open(String screen) {
        page.getByRole(AriaRole.NAVIGATION, new Page.GetByRoleOptions().setName("Screens"))
                .getByRole(
                        AriaRole.BUTTON,
                        new Locator.GetByRoleOptions().setName(screen).setExact(true))
                .click();
        assertThat(view(screen)).isVisible();
        return this;
    }

    /// The main view.
    Locator view(String screen) {
        return page.getByRole(
                AriaRole.MAIN, new Page.GetByRoleOptions().setName(screen).setExact(true));
    }

    Locator inspector() {
        return page.getByRole(AriaRole.COMPLEMENTARY, new Page.GetByRoleOptions().setName("Inspector"));
    }

    /// The sentence in words.
    Locator sentence() {
        return inspector().getByRole(AriaRole.STATUS).first();
    }

    Locator button(String name) {
        return page.getByRole(
                AriaRole.BUTTON, new Page.GetByRoleOptions().setName(name).setExact(true));
    }

    /// What the API says about the run on screen.
    ///
    /// @param query such as `row?of=2.1&query=3`
    Json.Obj api(String query) {
        return Json.parseObject(query, server.api("runs/" + runId() + (query.isEmpty() ? "" : "/" + query)));
    }

    /// The whole name of the run on screen, found by the requests that the page made.
    String runId() {
        String found = (String) page.evaluate(
                "() => performance.getEntriesByType('resource').map(e => e.name.match(/runs\\/([0-9a-f]{16})/))"
                        + ".filter(m => m).map(m => m[1]).filter(id => id.startsWith('" + runName()
                        + "')).pop() ?? ''");
        if (found.isEmpty()) {
            throw new IllegalStateException("the page asked for nothing of run " + runName());
        }
        return found;
    }

    /// A field of the link, such as `q` for the query.
    String link(String field) {
        String hash = page.url().replaceFirst("^[^#]*#?", "");
        for (String part : hash.split("&")) {
            if (part.startsWith(field + "=")) {
                return URLDecoder.decode(part.substring(field.length() + 1), StandardCharsets.UTF_8);
            }
        }
        return "";
    }
}
