import './tokens.css';
import type { Screen } from '../screen';
import { leaves } from './tokens/leave';
import { Inspector, View } from './tokens/view';

export const screen: Screen = { id: 'tokens', View, Inspector, leaves };
