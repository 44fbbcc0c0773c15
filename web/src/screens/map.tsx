import './map.css';
import './try.css';
import type { Screen } from '../screen';
import { leaves } from './map/leave';
import { Inspector, View } from './map/view';

export const screen: Screen = { id: 'map', View, Inspector, leaves };
