import { Component, type ComponentType } from 'preact';
import { asApiError } from '../errors';
import { Failed } from '../parts/said';

/** Catches what a view throws. */
export class Guard extends Component<{ view: ComponentType }, { error: unknown }> {
    override state = { error: null as unknown };
    static override getDerivedStateFromError(error: unknown) {
        return { error };
    }
    override render() {
        if (this.state.error) return <Failed error={asApiError(this.state.error)} retry={() => this.setState({ error: null })} />;
        const { view: View } = this.props;
        return <View />;
    }
}
