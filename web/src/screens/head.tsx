import './head.css';
import type { Screen } from '../screen';
import { View } from './head/head-view';
import { Inspector } from './head/inspector';
import { leaves } from './head/leave';

export const screen: Screen = { id: 'head', View, Inspector, leaves, uses: ['scale', 'sink', 'mass'] };
