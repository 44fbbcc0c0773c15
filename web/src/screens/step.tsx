import './step.css';
import type { Screen } from '../screen';
import { leaves } from './step/leave';
import { Inspector, View } from './step/view';

export const screen: Screen = { id: 'step', View, Inspector, leaves };
