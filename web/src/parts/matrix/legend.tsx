import { diverging, sequential } from '../colours';
import { short } from '../number';

interface Props {
    scale: 'linear' | 'log' | 'rowmax' | 'diverging';
    most: number;
    quantity: string;
    masked: boolean;
    hidden: boolean;
    /** Rows that share a maximum in `rowmax`. */
    rowsOfMaximum: number;
}

/** What the colours mean, with both ends as numbers. */
export function Legend({ scale, most, quantity, masked, hidden, rowsOfMaximum }: Props) {
    const colour = scale === 'diverging' ? (t: number) => diverging(2 * t - 1) : (t: number) => sequential(t);
    const stops = Array.from({ length: 9 }, (_, i) => colour(i / 8)).join(', ');
    const [low, high] = scale === 'linear' ? ['0', short(most)] : scale === 'log' ? ['≤ ' + short(most * 1e-4, 2), short(most)]
        : scale === 'diverging' ? [short(-most), short(most)] : ['0', rowsOfMaximum > 1 ? `largest of ${rowsOfMaximum} rows` : 'row’s largest'];
    return (
        <span class="legend" role="img" aria-label={`Colours: ${quantity} from ${low} to ${high}${scale === 'log' ? ', logarithmic' : ''}.${masked ? ' Hatched: masked.' : ''}${hidden ? ' Dotted: hidden first token.' : ''}`}>
            <span>{quantity} {low}</span>
            <span class="legend-bar" style={{ background: `linear-gradient(to right, ${stops})` }} />
            <span>{high}{scale === 'log' ? ' (log)' : ''}</span>
            {masked && <span class="legend-item"><span class="legend-hatch" /> masked</span>}
            {hidden && <span class="legend-item"><span class="legend-dots" /> hidden</span>}
        </span>
    );
}
