import './map.css';
import type { Screen } from '../screen';
import { Inspector } from './map/inspector';
import { leaves } from './map/leave';
import { View } from './map/view';

export const screen: Screen = { id: 'map', View, Inspector, leaves };
