import './try.css';
import './compare.css';
import type { Screen } from '../screen';
import { leaves } from './compare/leave';
import { Inspector, View } from './compare/view';

export const screen: Screen = { id: 'compare', View, Inspector, leaves };
