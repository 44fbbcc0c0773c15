import { screens } from '../screens';
import { show, view } from '../state';

export function Rail() {
    return (
        <nav class="rail" aria-label="Screens">
            <ul>
                {screens.map((screen, i) => (
                    <li key={screen.id}>
                        <button type="button" aria-current={view.value.screen === screen.id ? 'page' : undefined} title={`${screen.says} (key ${i + 1})`}
                            onClick={() => show({ screen: screen.id })}>
                            <kbd aria-hidden="true">{i + 1}</kbd>{screen.title}
                        </button>
                    </li>
                ))}
            </ul>
        </nav>
    );
}
