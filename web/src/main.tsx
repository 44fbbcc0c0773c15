import './style.css';
import { render } from 'preact';
import { App } from './frame/app';
import { start } from './session';

render(<App />, document.getElementById('page')!);
void start();
